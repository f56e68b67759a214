"""ADOM+: the equations of the paper, its invariant, and the optimum over networks that change."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.runtimes import Vectorised

H, C = np.array([[1.0, 9.0], [4.0, 2.0], [1.0, 1.0], [9.0, 3.0]]), np.arange(8.0).reshape(4, 2)
PROBLEM = accord.problems.quadratic(H, C)
CYCLE = accord.networks.sequence([accord.networks.ring(4), accord.networks.star(4), accord.networks.path(4)])


def states(rounds: int) -> list[Any]:
    plan, _ = build_plan(RunRequest(problem=PROBLEM, method=accord.ADOMPlus(), network=CYCLE, record=1))
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        found = [jax.tree.map(np.asarray, session.carry.states)]
        for _ in range(rounds):
            session.advance(1, 1)
            found.append(jax.tree.map(np.asarray, session.carry.states))
    return found


def test_every_round_solves_the_equations_of_the_paper() -> None:
    """x⁺ and y⁺ stand on both sides; γ, σ₂ and the step of z_f are Accord's own."""
    L, mu, chi = 9.0, 1.0, max(1 / (1 - network.sigma**2) for network in CYCLE.members)
    nu = alpha = mu / 2
    tau2 = np.sqrt(mu / L)
    sigma2 = tau2 / (4 * chi)
    tau1, sigma1, eta, beta, theta = (
        1 / (1 / tau2 + 0.5),
        1 / (1 / sigma2 + 0.5),
        1 / (L * tau2),
        0.5 / L,
        nu / 4 / sigma2,
    )
    gamma, delta = nu / (3 * sigma2 * chi**2), 1 / (17 * L)
    for t, (s, new) in enumerate(itertools.pairwise(states(7))):
        G = np.eye(4) - CYCLE.at(t).W
        x_g, y_g, z_g = (
            a * v + (1 - a) * f for a, v, f in ((tau1, s.x, s.x_f), (sigma1, s.y, s.y_f), (sigma1, s.z, s.z_f))
        )
        h, u = H * (x_g - C) - nu * x_g, gamma / nu * (y_g + z_g) + s.m
        expected = type(new)(
            s.x + eta * alpha * (x_g - new.x) - eta * (h - new.y),
            x_g + tau2 * (new.x - s.x),
            s.y + theta * beta * (h - new.y) - theta * ((y_g + z_g) / nu + new.x),
            y_g + sigma2 * (new.y - s.y),
            s.z + gamma * delta * (z_g - s.z) - G @ u,
            z_g - G @ (y_g + z_g),
            u - G @ u,
        )
        for field in new._fields:
            np.testing.assert_allclose(getattr(new, field), getattr(expected, field), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(new.z.sum(0), 0, atol=1e-11)


@pytest.mark.parametrize("network", [CYCLE, CYCLE.lose(0.2)], ids=["cycle", "lossy"])
def test_over_a_cycle_of_networks_it_reaches_the_optimum(network: Any) -> None:
    run = accord.run(PROBLEM, accord.ADOMPlus(), network=network, stop=accord.Stop(rounds=3000, progress=0))
    np.testing.assert_allclose(run.agents, [(H * C).sum(0) / H.sum(0)] * 4, rtol=0, atol=1e-9)
