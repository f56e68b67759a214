"""The mixing formula, whatever the weights, the values and the channel."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from accord.networks.mixing import mix, mixing_weights

K, D = 5, 2
NUMBERS = st.floats(-100, 100, allow_subnormal=False)
VALUES = arrays.arrays(np.float64, (K, D), elements=NUMBERS)
WEIGHTS = arrays.arrays(np.float64, (K, K), elements=st.floats(-1, 1, allow_subnormal=False))
LINKS = arrays.arrays(np.bool_, (K, K))
CLOSE = {"rtol": 0, "atol": 1e-10}


class Message(NamedTuple):
    x: Any
    y: Any


def mixed(W: np.ndarray, own: Any, said: Any, agents: np.ndarray | None = None, **how: Any) -> Any:
    """As a runtime mixes: agents hold `own`, everybody hears `said`."""
    rows = slice(None) if agents is None else agents
    mine = [jax.tree.map(lambda leaf: leaf[rows], message) for message in (own, said)]
    with jax.enable_x64(True):
        weights = jax.tree.map(jax.numpy.asarray, mixing_weights(W, np.float64, agents, **how))
        return jax.tree.map(np.asarray, mix(weights, *mine, said))


@pytest.mark.parametrize("dense", [True, False])
@given(WEIGHTS, LINKS, VALUES, VALUES)
def test_symmetric_weights_keep_the_mean_whatever_the_channel_did(
    dense: bool, W: Any, links: Any, own: Any, said: Any
) -> None:
    symmetric = np.where(links & links.T, W + W.T, 0)
    answer = mixed(symmetric, own, said, dense=dense)
    np.testing.assert_allclose(answer.mean(0), own.mean(0), **CLOSE)


@given(WEIGHTS, LINKS, VALUES, VALUES)
def test_a_matrix_and_lists_of_neighbours_agree(W: Any, links: Any, own: Any, said: Any) -> None:
    sparse = np.where(links, W, 0)
    one, other = (mixed(sparse, own, said, dense=dense) for dense in (True, False))
    np.testing.assert_allclose(one, other, **CLOSE)


@given(WEIGHTS, LINKS, VALUES, VALUES, st.sets(st.integers(0, K - 1), min_size=1))
def test_a_worker_mixes_its_agents_as_all_are_mixed_together(
    W: Any, links: Any, own: Any, said: Any, some: set[int]
) -> None:
    agents = np.array(sorted(some))
    sparse = np.where(links, W, 0)
    np.testing.assert_allclose(mixed(sparse, own, said, agents), mixed(sparse, own, said)[agents], **CLOSE)


@given(WEIGHTS, VALUES)
def test_over_a_clear_channel_rows_that_sum_to_one_average(W: Any, own: Any) -> None:
    stochastic = W + np.diag(1 - W.sum(1))
    np.testing.assert_allclose(mixed(stochastic, own, own), stochastic @ own, **CLOSE)


@given(WEIGHTS, LINKS, VALUES, VALUES)
def test_columns_that_sum_to_one_keep_the_total_whatever_the_channel_did(
    W: Any, links: Any, own: Any, said: Any
) -> None:
    sparse = np.where(links, W, 0)
    stochastic = sparse + np.diag(1 - sparse.sum(0))
    answer = mixed(stochastic, own, said, columns=True)
    np.testing.assert_allclose(answer.sum(0), own.sum(0), **CLOSE)
    np.testing.assert_allclose(mixed(stochastic, own, own, columns=True), stochastic @ own, **CLOSE)


@given(WEIGHTS, VALUES, VALUES)
def test_every_field_of_a_message_is_mixed_by_itself(W: Any, x: Any, y: Any) -> None:
    both = mixed(W, Message(x, y), Message(x, y))
    np.testing.assert_array_equal(both.x, mixed(W, x, x))
    np.testing.assert_array_equal(both.y, mixed(W, y, y))
