"""What holds after every round, wherever the run stands."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.runtimes import Vectorised
from tests.contract.knobs import settled
from tests.contract.worlds import world_of

RECORDS = 5


def test_a_tracker_follows_the_mean_gradient(tracking_kind: Any) -> None:
    """mean(y) = mean(g) at every round, with g the gradient at the agent's own model, unequal weights within."""
    world = world_of(tracking_kind)
    plan, _ = build_plan(RunRequest(problem=world.problem(), method=settled(tracking_kind), network=world.network))
    with jax.enable_x64(True):
        session = Vectorised().start(plan)
        for _ in range(RECORDS):
            session.advance(1, plan.every)
            states = session.carry.states
            own = jax.vmap(lambda agent, x: agent.grad(x))(session.team.agents, states.x)
            np.testing.assert_allclose(states.g, own, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(states.y.mean(0), states.g.mean(0), rtol=1e-12, atol=1e-12)
