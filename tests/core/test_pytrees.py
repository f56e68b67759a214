"""What is compiled for one kind of thing is never run for another."""

from __future__ import annotations

import itertools
import pickle

import jax
import numpy as np
import pytest

import accord
from accord.problems import L1, Simplex

KIN = {  # as many numbers each, of other meanings
    "terms": (L1(0.7), Simplex(0.7)),
    "channels": (accord.channels.clip(0.7), accord.channels.gaussian_noise(0.7)),
    "methods": (accord.CTA(0.7), accord.NIDS(0.7), accord.EXTRA(0.7)),
}


@pytest.mark.parametrize("kind", KIN)
def test_classes_with_equal_fields_have_unequal_structures(kind: str) -> None:
    for one, other in itertools.combinations(KIN[kind], 2):
        assert jax.tree.leaves(one) == jax.tree.leaves(other)
        assert jax.tree.structure(one) != jax.tree.structure(other)


def test_a_structure_outlives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(L1(np.array([0.5, 2.0]))))
    assert jax.tree.structure(copy) == jax.tree.structure(L1(np.zeros(2)))
