"""Silence: the last word stands, the first is never lost, and old words do no lasting harm."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

import accord
from accord.channels import silence
from accord.errors import MethodError


def test_the_last_word_stands_for_as_long_as_was_said() -> None:
    channel, heard = silence(0.999999, rounds=3), []
    memory = channel.init(jnp.zeros(1))
    for t in range(9):
        word, memory = channel.encode(jnp.full(1, float(t + 1)), memory, jax.random.key(t))
        heard.append(float(channel.decode(word, ())[0][0]))
    assert heard == [1, 1, 1, 1, 5, 5, 5, 5, 9]


def test_without_silence_nothing_is_lost() -> None:
    channel = silence(0.0, rounds=3)
    word, memory = channel.encode(jnp.ones(2), channel.init(jnp.zeros(2)), jax.random.key(0))
    assert word.tolist() == [1, 1]
    assert int(memory.left) == 0


def test_a_market_with_silent_agents_finds_the_same_price() -> None:
    market = accord.problems.dispatch(
        [0.004, 0.006, 0.009], [5.3, 5.5, 5.8], 0.0, [200, 150, 100], [450, 350, 225], 975
    )
    run = accord.run(
        market, accord.ExchangeADMM(), channel=silence(0.05, rounds=5), stop=accord.Stop(rounds=1500, progress=0)
    )
    assert run.prices[0] == pytest.approx(9.4, abs=1e-9)


@pytest.mark.parametrize(
    ("rate", "rounds", "words"), [(1.0, 3, "below 1"), (-0.1, 3, "at least 0"), (0.1, 0, "at least 1")]
)
def test_what_is_no_silence_is_refused(rate: float, rounds: int, words: str) -> None:
    with pytest.raises(MethodError, match=words):
        silence(rate, rounds)
