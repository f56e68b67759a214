"""Privacy accounting: known numbers, bounds that hold by theory, the least noise, and what no account is given of."""

from __future__ import annotations

import math
import sys
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import accord
from accord.errors import MethodError, MissingExtra
from accord.privacy import noise_for, noise_of, spent

DELTA, ROUNDS = 1e-5, 200
NOISY = accord.chain(accord.clip(0.5), accord.gaussian_noise(2.0))


@pytest.mark.parametrize(
    ("noise", "sampling", "accountant", "epsilon", "digits"),
    [
        (1.0, 0.05, "rdp", 5.3679, 4),
        (1.0, 0.05, "pld", 4.7659, 4),
        (20.0, 1.0, "rdp", 3.189, 3),
        (20.0, 1.0, "pld", 2.9432, 4),
        (1.0, (50, 1000), "rdp", 9.2795, 4),
    ],
)
def test_known_spending(noise: float, sampling: Any, accountant: str, epsilon: float, digits: int) -> None:
    assert round(spent(noise, ROUNDS, DELTA, sampling, accountant), digits) == epsilon


def test_known_least_noise() -> None:
    assert round(noise_for(3.0, ROUNDS, DELTA, 0.05, "pld"), 4) == 1.2868


@pytest.mark.parametrize("sampling", [1.0, 0.05, (50, 1000)])
def test_the_least_noise_spends_no_more_and_a_little_less_noise_does(sampling: Any) -> None:
    noise = noise_for(2.0, ROUNDS, DELTA, sampling)
    assert spent(noise, ROUNDS, DELTA, sampling) <= 2.0 < spent(noise * (1 - 1e-5), ROUNDS, DELTA, sampling)


def _delta(epsilon: float, mu: float) -> float:
    """Least δ of a Gaussian whose mean moves by μ deviations: Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ). Balle, Wang 2018."""
    normal = lambda x: math.erfc(-x / math.sqrt(2)) / 2  # noqa: E731
    return normal(mu / 2 - epsilon / mu) - math.exp(epsilon) * normal(-mu / 2 - epsilon / mu)


def test_everybody_in_every_round_is_one_gaussian_whose_mean_moves_by_the_root_of_the_rounds() -> None:
    mu = math.sqrt(ROUNDS) / 20.0
    close = spent(20.0, ROUNDS, DELTA, accountant="pld")
    assert _delta(close, mu) <= DELTA <= _delta(close - 1e-3, mu)
    assert _delta(spent(20.0, ROUNDS, DELTA), mu) <= DELTA


@pytest.mark.parametrize("sampling", [0.999, (999, 1000), (1000, 1000)])
@pytest.mark.parametrize("noise", [0.5, 10.0, 1000.0])
def test_a_cohort_spends_no_more_than_everybody_would(noise: float, sampling: Any) -> None:
    assert 0 < spent(noise, ROUNDS, DELTA, sampling) <= spent(noise, ROUNDS, DELTA)


def test_where_nothing_is_private_both_accountants_say_so_at_once() -> None:
    assert spent(0.01, ROUNDS, DELTA, accountant="pld") == spent(0.01, ROUNDS, DELTA) > 1e6


@pytest.mark.usefixtures("float64")
def test_noise_of_a_channel_is_what_is_measured_on_the_mean_of_its_replies() -> None:
    m = 50
    keys = jax.random.split(jax.random.key(0), m)
    said = jax.vmap(lambda reply, key: NOISY.encode((reply,), ((), ()), key)[0][0])
    alike = jnp.full((m, 400), 1e3)
    before, after = (said(replies, keys).mean(0) for replies in (alike, alike.at[0].set(-1e3)))  # the first is replaced
    moved = jnp.linalg.norm(after - before)  # the noise is of the same keys, and drops out
    assert float(moved) == pytest.approx(2 * 0.5 / m, rel=1e-9)
    assert float(before.std() / moved) == pytest.approx(noise_of(NOISY, heard=m), rel=0.14)  # 4 deviations, of 400


def test_noise_of_a_channel_is_that_of_one_reply_unless_more_are_averaged() -> None:
    assert noise_of(NOISY) == 2.0
    assert noise_of(NOISY, heard=50) == pytest.approx(2 * math.sqrt(50), rel=1e-15)
    assert noise_of(accord.chain(*NOISY.links, accord.channels.top_k(3))) == 2.0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"noise": 0.0}, "noise=0.0"),
        ({"noise": -1.0}, "noise=-1.0"),
        ({"noise": math.nan}, "noise=nan"),
        ({"noise": math.inf}, "noise=inf"),
        ({"noise": True}, "noise=True"),
        ({"rounds": 0}, "rounds=0"),
        ({"rounds": 2.5}, "rounds=2.5"),
        ({"delta": 0.0}, "delta=0.0"),
        ({"delta": 1}, "delta=1"),
        ({"delta": math.nan}, "delta=nan"),
        ({"sampling": 0.0}, "sampling=0.0"),
        ({"sampling": 1.5}, "sampling=1.5"),
        ({"sampling": (0, 1000)}, r"sampling=\(0, 1000\)"),
        ({"sampling": (1001, 1000)}, r"sampling=\(1001, 1000\)"),
        ({"sampling": (50,)}, r"sampling=\(50,\)"),
        ({"sampling": (0.5, 1000)}, r"sampling=\(0.5, 1000\)"),
        ({"accountant": "moments"}, "accountant='moments'"),
        ({"accountant": "pld", "sampling": (50, 1000)}, "accountant='pld': give 'rdp'"),
    ],
)
def test_what_is_out_of_range_is_refused_with_its_number(given: dict[str, Any], named: str) -> None:
    with pytest.raises(MethodError, match=named):
        spent(**{"noise": 1.0, "rounds": ROUNDS, "delta": DELTA} | given)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf, "3", 1e12, 1e-9])
def test_a_spending_that_no_noise_has_is_refused(epsilon: Any) -> None:
    with pytest.raises(MethodError, match="is spent in 200 rounds by no noise"):
        noise_for(epsilon, ROUNDS, DELTA)


@pytest.mark.parametrize(
    "channel",
    [
        None,
        accord.clip(1.0),
        accord.gaussian_noise(1.0),
        accord.chain(accord.gaussian_noise(1.0), accord.clip(1.0)),
        accord.chain(accord.clip(1.0), accord.channels.sign(), accord.gaussian_noise(1.0)),
    ],
    ids=["clear", "clipped", "unbounded", "noise before the clip", "stretched in between"],
)
def test_a_channel_that_bounds_nothing_is_refused(channel: Any) -> None:
    with pytest.raises(MethodError, match="bounds no privacy"):
        noise_of(channel)


@pytest.mark.parametrize("heard", [0, 2.0, True])
def test_a_number_of_replies_that_cannot_be_is_refused(heard: Any) -> None:
    with pytest.raises(MethodError, match=f"heard={heard}"):
        noise_of(NOISY, heard)


def test_a_mean_of_replies_that_are_changed_after_the_noise_has_not_the_noise_of_their_number() -> None:
    with pytest.raises(MethodError, match="heard=50"):
        noise_of(accord.chain(*NOISY.links, accord.channels.top_k(3)), heard=50)


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[privacy\]'"):
        spent(1.0, ROUNDS, DELTA)
