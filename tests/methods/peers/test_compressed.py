"""Methods that bear compression: exact, or as biased as without it, with a fraction of the bits."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.channels import changes, quantise, sign, top_k
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.runtimes import Threads, Vectorised

RANDOM = np.random.default_rng(0)
K, D = 6, 10
PROBLEM = accord.problems.quadratic(H=RANDOM.uniform(1, 5, (K, D)), c=RANDOM.normal(size=(K, D)))
RING = accord.networks.ring(K)
ANSWER = PROBLEM.solve()
LONG = accord.Stop(rounds=2000, progress=0)
EXACT = {
    "LEAD, 2 bits": (accord.LEAD(), changes(quantise(2), alpha=0.5)),
    "BEER, top 3": (accord.BEER(), changes(top_k(3))),
    "BEER, signs": (accord.BEER(), changes(sign())),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_optimum_is_reached_in_spite_of_compression(name: str) -> None:
    method, channel = EXACT[name]
    run = accord.run(PROBLEM, method, network=RING, channel=channel, stop=LONG)
    clear = accord.run(PROBLEM, method, network=RING, stop=accord.Stop(rounds=1))
    np.testing.assert_allclose(run.agents, np.tile(ANSWER, (K, 1)), rtol=0, atol=1e-9)
    assert run.history["bytes"].iloc[-1] / 2000 < clear.history["bytes"].iloc[-1] / 2


@pytest.mark.parametrize("name", ["LEAD, 2 bits", "BEER, top 3"])
def test_it_is_reached_over_links_that_fail_agents_that_sleep_and_networks_that_change(name: str) -> None:
    method, channel = EXACT[name]
    failing = accord.networks.sequence([RING, accord.networks.star(K)]).lose(0.1).sleep(0.1)
    run = accord.run(PROBLEM, method, network=failing, channel=channel, stop=LONG)
    np.testing.assert_allclose(run.agents, np.tile(ANSWER, (K, 1)), rtol=0, atol=1e-9)


def test_choco_has_the_fixed_point_of_diffusion_over_slower_weights() -> None:
    """x = V (x − aH(x−c)) with V = I − γ(I−W), coordinate by coordinate."""
    a, damping = 0.05, 0.4
    run = accord.run(PROBLEM, accord.CHOCO(a, damping), network=RING, channel=changes(top_k(3)), stop=LONG)
    H, c = (np.stack([shard[i][0] for shard in PROBLEM.shards]) for i in (0, 1))
    V = np.eye(K) - damping * (np.eye(K) - RING.W)
    fixed = [np.linalg.solve(np.eye(K) - V + a * V * H[:, i], a * V @ (H * c)[:, i]) for i in range(D)]
    np.testing.assert_allclose(run.agents, np.transpose(fixed), rtol=0, atol=1e-9)


def test_naive_compression_of_the_iterate_does_not_arrive() -> None:
    run = accord.run(PROBLEM, accord.BEER(), network=RING, channel=top_k(3), stop=LONG)
    assert not np.abs(run.x - ANSWER).max() < 1e-3


@pytest.mark.parametrize("name", EXACT)
def test_what_sums_to_zero_does_whatever_the_channel_does(name: str) -> None:
    method, channel = EXACT[name]
    plan, _ = build_plan(RunRequest(problem=PROBLEM, method=method, network=RING, channel=channel, record=1))
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        session.advance(5, 1)
        states: Any = jax.tree.map(np.asarray, session.carry.states)
    off = states.d.sum(0) if isinstance(method, accord.LEAD) else states.v.mean(0) - states.g.mean(0)
    np.testing.assert_allclose(off, 0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_both_ends_remember_alike_in_every_runtime(name: str) -> None:
    method, channel = EXACT[name]
    how = {"network": RING, "channel": channel, "stop": accord.Stop(rounds=12, progress=0)}
    one, other = (accord.run(PROBLEM, method, runtime=runtime, **how) for runtime in (Vectorised(devices=1), Threads()))
    np.testing.assert_allclose(one.agents, other.agents, rtol=1e-12, atol=1e-12)
    assert one.history["bytes"].iloc[-1] == other.history["bytes"].iloc[-1]
