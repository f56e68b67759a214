"""What a seed, a dtype and a shape fix: the run bit for bit, its precision, its program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.cost import per_round
from accord.engine.planning.plan import Plan
from accord.engine.planning.request import RunRequest
from accord.runtimes import Vectorised
from tests.compiling import compilations
from tests.contract.knobs import chosen, noisy, sampling, settled
from tests.contract.worlds import World, world_of

pytestmark = pytest.mark.slow  # every method is compiled, and compiled again


def test_the_listener_hears_a_compilation() -> None:
    with compilations() as seconds:
        jax.jit(lambda x: x * 3 - 1)(np.float32(1)).block_until_ready()
    assert seconds


def test_a_second_run_of_the_same_shapes_compiles_nothing(kind: Any) -> None:
    world = world_of(kind)
    method = chosen(settled(kind), world)
    first = world.run(method, seed=1)
    with compilations() as seconds:
        second = world.permuted(range(len(world.shards))).run(
            chosen(settled(kind), world, 0.5), seed=2, stop=accord.Stop(rounds=37, progress=0, agreement=1e-30)
        )
    assert seconds == []
    assert first.rounds == 25
    assert second.rounds == 37


def test_a_seed_fixes_the_run_bit_for_bit_and_another_seed_does_not(class_kind: Any) -> None:
    world, method = world_of(class_kind), sampling(class_kind)
    one, again, other = (world.run(method, seed=seed, **noisy(class_kind)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.x, again.x)
    np.testing.assert_array_equal(one.agents, again.agents)
    columns = [column for column in one.history if column != "seconds"]
    np.testing.assert_array_equal(one.history[columns], again.history[columns])
    assert not np.array_equal(one.x, other.x)


def test_precision_follows_the_data_and_halves_the_bytes(kind: Any) -> None:
    """By type alone, as JAX traces a round: nothing is compiled."""
    double, single = (plan_of(world, settled(kind)) for world in (world_of(kind), world_of(kind).in_float32()))
    for plan, wanted in (double, np.float64), (single, np.float32):
        assert traced(plan, plan.method).dtype == wanted
    assert 2 * bytes_of(single) == bytes_of(double) > 0


def test_a_method_never_looks_at_the_structure_of_a_decision(weighted_kind: Any) -> None:
    world = world_of(weighted_kind)
    flat, nested = (plan_of(one, settled(weighted_kind)) for one in (world, world.nested()))
    assert traced(nested, nested.method) == traced(flat, flat.method)


def test_a_sweep_over_hyper_parameters_is_a_vmap(tunable_kind: Any) -> None:
    """One trace serves every value: nothing in a method looks at the number behind a leaf."""
    world = world_of(tunable_kind)
    plan = plan_of(world, settled(tunable_kind))
    methods = [chosen(settled(tunable_kind), world, factor) for factor in (1.0, 0.5, 0.25)]
    sweep = jax.tree.map(lambda *leaves: np.stack(leaves), *methods)
    assert traced(plan, sweep, jax.vmap).shape == (3, *traced(plan, methods[0]).shape)


def plan_of(world: World, method: Any) -> Plan:
    return build_plan(RunRequest(problem=world.problem(), method=method, network=world.network))[0]


def bytes_of(plan: Plan) -> float:
    with jax.enable_x64(plan.dtype == np.float64):
        return per_round(plan).bytes


def traced(plan: Plan, method: Any, how: Callable[..., Any] = lambda function: function) -> jax.ShapeDtypeStruct:
    """The shape and the dtype of the answer after one round."""

    def after_one_round(method: Any) -> Any:
        session = Vectorised(devices=1).start(replace(plan, method=method))
        return session.team.outcome(session.team.round(session.carry, jnp.int32(0)), jnp.int32(1)).x

    with jax.enable_x64(plan.dtype == np.float64):
        return jax.eval_shape(how(after_one_round), method)
