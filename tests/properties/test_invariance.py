"""What must change nothing, for whatever problem: agents' numbers, an agent in two halves, the name of a local step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accord
from accord import networks
from accord.problems import quadratic

K, D = 4, 2
STOP = accord.Stop(rounds=12, progress=0)
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


class Agents(NamedTuple):
    """H (K, D), c (K, D), p (K,)."""

    H: np.ndarray
    c: np.ndarray
    p: np.ndarray

    def run(self, method: Any, **how: Any) -> accord.Run:
        return accord.run(quadratic(self.H, self.c, weights=self.p), method, stop=STOP, **how)

    def those(self, order: Any) -> Agents:
        return Agents(*(part[np.asarray(order)] for part in self))


@st.composite
def agents(draw: st.DrawFn) -> Agents:
    """Curvatures from 0.1 to 10, optima within 100 of the start, weights a hundredfold apart at most."""
    numbers = lambda low, high, n: draw(st.lists(st.floats(low, high), min_size=n, max_size=n))  # noqa: E731
    shape = (K, D)
    curvature, optimum = np.reshape(numbers(0.1, 10, K * D), shape), np.reshape(numbers(-100, 100, K * D), shape)
    return Agents(curvature, optimum, np.array(numbers(0.01, 1, K)))


@pytest.mark.parametrize("method", [accord.FedSGD(), accord.FedAvg(accord.GradientDescent(3))], ids=repr)
@given(them=agents(), order=st.permutations(range(K)))
def test_permuting_agents_opposite_a_server_changes_nothing(method: Any, them: Agents, order: list[int]) -> None:
    one, other = them.run(method), them.those(order).run(method)
    np.testing.assert_allclose(one.x, other.x, **CLOSE)
    np.testing.assert_allclose(np.array(one.agents)[order], other.agents, **CLOSE)


@pytest.mark.parametrize("method", [accord.DGD(), accord.GradientTracking()], ids=repr)
@given(them=agents(), order=st.permutations(range(K)))
def test_permuting_peers_with_their_network_changes_nothing(method: Any, them: Agents, order: list[int]) -> None:
    W = networks.path(K).W
    one = them.run(method, network=networks.path(K))
    other = them.those(order).run(method, network=networks.from_weights(W[np.ix_(order, order)]))
    np.testing.assert_allclose(np.array(one.agents)[order], other.agents, **CLOSE)


# what is lost to rounding beside the other weights is refused at the door
@given(them=agents(), k=st.integers(0, K - 1), part=st.sampled_from([0.0, 1.0]) | st.floats(1e-6, 1 - 1e-6))
def test_an_agent_in_two_parts_with_the_same_data_changes_nothing_for_gradient_descent(
    them: Agents, k: int, part: float
) -> None:
    """Halves are one case of it; a part may be of no weight at all."""
    two = them.those([*range(K), k])
    two.p[k] *= part
    two.p[K] *= 1 - part
    one, other = them.run(accord.FedSGD()), two.run(accord.FedSGD())
    np.testing.assert_allclose(one.x, other.x, **CLOSE)
    np.testing.assert_allclose(one.history["objective"], other.history["objective"], **CLOSE)


@given(them=agents(), step=st.floats(1e-3, 0.2))
def test_one_full_local_step_of_everybody_is_gradient_descent(them: Agents, step: float) -> None:
    averaged = them.run(accord.FedAvg(accord.GradientDescent(1, step)), record=1)
    descended = them.run(accord.FedSGD(step), record=1)
    np.testing.assert_allclose(averaged.x, descended.x, **CLOSE)
    np.testing.assert_allclose(averaged.history["objective"], descended.history["objective"], **CLOSE)


@given(them=agents(), shift=st.lists(st.floats(-50, 50), min_size=D, max_size=D))
def test_moving_every_optimum_and_the_start_moves_the_answer(them: Agents, shift: list[float]) -> None:
    moved = them._replace(c=them.c + shift)
    one, other = (
        them.run(accord.GradientTracking(), network=networks.path(K)),
        moved.run(accord.GradientTracking(), network=networks.path(K), x0=np.array(shift)),
    )
    np.testing.assert_allclose(one.x + shift, other.x, **CLOSE)


@given(them=agents())
def test_on_a_complete_network_diffusion_is_gradient_descent(them: Agents) -> None:
    """One round of averaging is exact there: adapt, then combine, with the weights inside."""
    step = 0.02
    peers, served = them.run(accord.ATC(step), network=networks.complete(K)), them.run(accord.FedSGD(step))
    np.testing.assert_allclose(peers.x, served.x, **CLOSE)
