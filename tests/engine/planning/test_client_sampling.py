"""Who is asked in a round: different clients, each as likely as any other, the same within a program and without."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from accord.engine.planning.client_sampling import FEW, sample_clients

KEY = jax.random.key(5)


@pytest.mark.parametrize(("K", "size"), [(7, 7), (7, 5), (10, 3), (1000, FEW + 72)])
def test_everybody_is_as_likely_as_anybody_and_nobody_is_asked_twice(K: int, size: int) -> None:
    rounds = 600
    drawn = np.asarray(
        jax.jit(jax.vmap(lambda t: sample_clients(KEY, t, K, size)))(jnp.arange(rounds, dtype=jnp.int32))
    )
    assert all(len(set(ks)) == size for ks in drawn.tolist())
    share = np.bincount(drawn.ravel(), minlength=K) / rounds
    assert len(share) == K
    deviation = np.sqrt(size / K * (1 - size / K) / rounds)
    assert np.abs(share - size / K).max() <= 5 * deviation
    if size < K:
        first = np.bincount(drawn[:, 0], minlength=K) / rounds
        assert np.abs(first - 1 / K).max() <= 5 * np.sqrt(1 / K / rounds) + 1 / rounds


def test_a_cohort_of_a_million_is_drawn_in_memory_of_its_own_size() -> None:
    compiled = jax.jit(lambda t: sample_clients(KEY, t, 10**6, 1000)).lower(np.int32(0)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 10**6
    assert jnp.array_equal(compiled(np.int32(3)), sample_clients(KEY, 3, 10**6, 1000))
