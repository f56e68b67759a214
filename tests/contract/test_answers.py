"""Where every method ends up: at the optimum, or as far from it as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.methods.traits import is_coupled
from tests.contract.knobs import settled, stepping
from tests.contract.worlds import World, answer_of, world_of


def long(world: World) -> accord.Stop:
    return accord.Stop(rounds=4000 * world.patience, progress=0)


def distance(run: accord.Run, x: np.ndarray) -> float:
    return float(np.abs(run.x - x).max())


def test_an_exact_method_reaches_the_optimum_with_the_step_it_chooses(exact_kind: Any) -> None:
    world = world_of(exact_kind)
    optimum = answer_of(world)
    run = world.run(settled(exact_kind), stop=long(world))
    assert distance(run, optimum.x) < 1e-9
    if is_coupled(exact_kind()):
        np.testing.assert_allclose(run.prices, optimum.prices, rtol=0, atol=1e-9)
        assert run.history["violation"].iloc[-1] < 1e-9
    else:
        assert max(np.abs(x - optimum.x).max() for x in run.agents) < 1e-9


def test_a_method_exact_in_the_limit_nears_the_optimum_at_the_rate_that_it_states(slow_kind: Any) -> None:
    world, rate = world_of(slow_kind), settled(slow_kind).rate
    optimum = answer_of(world).x
    far, near = (
        distance(world.run(settled(slow_kind), stop=accord.Stop(rounds=rounds, progress=0)), optimum)
        for rounds in (1000, 4000)
    )
    quicker = np.log2(far / near) - np.log2(rate.at(1000) / rate.at(4000))
    assert quicker > -0.05
    assert quicker < 0.05 or rate.bound


def test_a_method_that_calls_itself_biased_is(biased_kind: Any) -> None:
    world = world_of(biased_kind)
    assert distance(world.run(settled(biased_kind), stop=long(world)), answer_of(world).x) > 1e-4


def test_the_bias_shrinks_in_proportion_to_the_step(shrinking_kind: Any) -> None:
    world = world_of(shrinking_kind)
    optimum = answer_of(world).x
    far, near = (
        distance(world.run(stepping(settled(shrinking_kind), world, part), stop=long(world)), optimum)
        for part in (1 / 16, 1 / 32)
    )
    assert np.log2(far / near) == pytest.approx(1, abs=0.05)
