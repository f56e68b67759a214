"""The inner solver of agents without a closed form: it comes to its end, or tells by the agent's name."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.core.linalg.fista import fista
from accord.errors import InexactWarning

pytestmark = pytest.mark.slow  # solvers that run to their limits

NAMES = ("well", "ill")
STOP = accord.Stop(rounds=3, progress=0)


def loss(x: Any, row: Any) -> Any:
    """No closed form is known of it, and far away it overflows."""
    scale, centre = row
    return jnp.sum(scale * (x - centre) ** 2) + jnp.sum(jnp.log(jnp.cosh(x)))


def shards(scale: float) -> list[Any]:
    centre = np.array([[3.0, -1.0]])
    return [(np.array([[1.0, 2.0]]), centre), (np.array([[1.0, scale]]), centre)]


PATH = accord.networks.path(2)
RUNS = {
    "prox": (accord.Problem, (), accord.ConsensusADMM(1.0), None),
    "conjugate gradient": (accord.Problem, (), accord.MSDA(J=1, step_size=1e-3, kappa=10.0), PATH),
    "best response": (accord.Coupled, (np.ones((2, 1, 2)), 1.0), accord.DualDecomposition(0.01), None),
    "best response with a penalty": (accord.Coupled, (np.ones((2, 1, 2)), 1.0), accord.TrackingADMM(1.0), PATH),
}


@pytest.mark.parametrize(("kind", "shared", "method", "network"), RUNS.values(), ids=RUNS)
def test_fault_19_a_solver_that_stops_at_its_limit_is_told_by_the_agents_name(
    kind: Any, shared: Any, method: Any, network: Any
) -> None:
    """Curvatures a factor of 10⁸ apart need more than 2000 steps; a factor of 2 does not, and nobody is warned."""
    start = {} if shared else {"x0": np.zeros(2)}
    accord.run(kind(loss, shards(2.0), *shared, names=NAMES, **start), method, network=network, stop=STOP)
    with pytest.warns(InexactWarning, match="Agent ill's inner solver stopped at its limit of steps"):
        accord.run(kind(loss, shards(1e8), *shared, names=NAMES, **start), method, network=network, stop=STOP)


@pytest.mark.usefixtures("float64")
def test_a_step_so_long_that_the_loss_overflows_is_shortened() -> None:
    """From 0 the first step of 1/‖∇f‖ leads to where cosh overflows: x + tanh x/(2·10⁶) = 3."""
    x = float(fista(lambda x: 2e6 * (x - 3) + jnp.sinh(x) / jnp.cosh(x), jnp.zeros(1))[0])
    assert 2e6 * (x - 3) + np.tanh(x) == pytest.approx(0, abs=1e-8)
