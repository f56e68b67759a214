"""Push-sum with running sums: nothing is lost with a message, on directed graphs too."""

from __future__ import annotations

import jax
import networkx as nx
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.runtimes import Threads, Vectorised

GRAPH = nx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (0, 3)])
DIRECTED = accord.networks.from_networkx(GRAPH)
C = np.array([[0.0, 1.0], [1.0, 5.0], [2.0, -3.0], [6.0, 0.0]])
P = np.array([0.1, 0.2, 0.3, 0.4])
PROBLEM = accord.problems.quadratic(np.ones((4, 2)), C, weights=P)


def test_the_mean_of_1_to_16_on_a_ring_that_loses_a_tenth_of_its_messages() -> None:
    problem, ring = accord.problems.quadratic(np.ones(16), np.arange(1.0, 17.0)), accord.networks.ring(16).lose(0.1)
    run = accord.run(problem, accord.RobustPushSum(), network=ring, stop=accord.Stop(rounds=900, progress=0))
    np.testing.assert_allclose(run.agents, 8.5, rtol=0, atol=1e-9)


def test_on_a_clear_network_it_is_push_sum() -> None:
    one, other = (
        accord.run(PROBLEM, method, network=DIRECTED, stop=accord.Stop(rounds=9, progress=0))
        for method in (accord.RobustPushSum(), accord.PushSum())
    )
    np.testing.assert_allclose(one.agents, other.agents, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("network", [DIRECTED.lose(0.4), DIRECTED.sleep(0.3)], ids=["lossy", "sleepy"])
def test_what_is_held_and_what_is_under_way_never_changes(network: accord.networks.Network) -> None:
    stop = accord.Stop(progress=0)
    plan, _ = build_plan(
        RunRequest(problem=PROBLEM, method=accord.RobustPushSum(), network=network, stop=stop, record=1)
    )
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        for _ in range(30):
            session.advance(1, 1)
            held = jax.tree.map(np.asarray, session.carry.states)
            under_way = sum(
                held.sigma[j] - held.rho[k, place] for k in range(4) for place, j in enumerate(network.neighbours(k))
            )
            np.testing.assert_allclose(held.v.sum(0) + under_way, 4 * np.append(P @ C, 1.0), rtol=0, atol=1e-12)
        session.advance(1, 400)
        x = np.asarray(session.outcome().agents)
    np.testing.assert_allclose(x, [P @ C] * 4, rtol=0, atol=1e-9)


def test_workers_that_hear_one_way_find_the_same_numbers() -> None:
    how = {"network": DIRECTED.lose(0.4), "channel": accord.gaussian_noise(0.01), "stop": accord.Stop(rounds=7)}
    one, other = (
        accord.run(PROBLEM, accord.RobustPushSum(), runtime=runtime, **how) for runtime in (Vectorised(), Threads())
    )
    np.testing.assert_allclose(one.agents, other.agents, rtol=1e-12, atol=1e-12)
