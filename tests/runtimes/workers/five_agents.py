"""Five agents that wait for nobody, by letters and by calls: where they go, and what they hold in all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest

H, C, P = np.array([1.0, 1.5, 2.0, 1.0, 1.5]), np.array([0.0, 1.0, 2.0, 6.0, -3.0]), np.array([1.0, 2.0, 3.0, 2.0, 0.0])
PROBLEM = accord.problems.quadratic(H, C, weights=P)
PATH, RING = accord.networks.path(5), accord.networks.ring(5)
MEAN, SCALED = P @ C / P.sum(), 5 * P / P.sum() * H
METHODS = {"letters": (accord.ASYSONATA(0.15), float(PROBLEM.solve())), "calls": (accord.RandomizedGossip(), MEAN)}


def after(rounds: int) -> accord.Stop:
    return accord.Stop(rounds=rounds, progress=0)


def session_of(runtime: Any, method: Any, network: Any = PATH, channel: Any = None) -> Any:
    plan, _ = build_plan(RunRequest(problem=PROBLEM, method=method, network=network, channel=channel, record=40))
    return runtime.start(plan)


def held(session: Any, field: int) -> np.ndarray:
    """What the agents hold of one field of their states, an agent after another."""
    workers = session.state().host.workers
    return np.concatenate([workers[worker][field] for worker in sorted(workers)])


def mass_is_kept(session: Any, blocks: int = 4) -> None:
    """Σ s_k and Σ w_k are at the end what they were at the beginning."""
    for _ in range(blocks):
        session.advance(1, 37)
        assert held(session, 0).sum() == pytest.approx(5 * MEAN, abs=1e-12)
        assert held(session, 1).sum() == pytest.approx(5, abs=1e-12)


def nothing_is_lost_on_the_way(session: Any, blocks: int = 4) -> None:
    """Σ z_k + Σ (ρ_kj − seen_jk) = Σ ∇f_k(x_k), whatever is late, lost or unread."""
    for _ in range(blocks):
        session.advance(1, 37)
        x, z, _, _, rho, seen, _ = (held(session, field) for field in range(7))
        assert z.sum() + rho.sum() - seen.sum() == pytest.approx((SCALED * (x[:, 0] - C)).sum(), abs=1e-11)
    assert abs(rho.sum() - seen.sum()) > 1e-4


KEPT = {"letters": nothing_is_lost_on_the_way, "calls": mass_is_kept}
