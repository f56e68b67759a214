"""Problems that the tests of this folder share, and a way to ask all agents at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord import problems
from accord.problems import Problem
from accord.problems.data.shape import Shape
from accord.problems.problem import single, stacked

SIZES = (7, 1, 12)
D = 3


def features(seed: int = 0, d: int = D) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=(n, d)) * (1 + k) for k, n in enumerate(SIZES)]


def numbered(seed: int = 0, d: int = D) -> list[Any]:
    """Shards whose targets are numbers."""
    random = np.random.default_rng(seed + 1)
    return [(a, random.normal(size=len(a))) for a in features(seed, d)]


def labelled(classes: int = 2, seed: int = 0, d: int = D) -> list[Any]:
    """Shards whose targets are labels; no hyperplane tells them apart."""
    random = np.random.default_rng(seed + 2)
    return [(a, random.integers(0, classes, len(a)).astype(np.int32)) for a in features(seed, d)]


def quadratic(kind: str) -> Problem:
    random = np.random.default_rng(3)
    c = random.normal(size=(3, D))
    root = random.normal(size=(3, D, D))
    H = {
        "number": np.array([1.0, 2.0, 5.0]),
        "diagonal": random.uniform(0.5, 3, (3, D)),
        "matrix": root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(D),
    }
    return problems.quadratic(H[kind], c)


SMOOTH: dict[str, Callable[[], Problem]] = {
    "number": lambda: quadratic("number"),
    "diagonal": lambda: quadratic("diagonal"),
    "matrix": lambda: quadratic("matrix"),
    "least_squares": lambda: problems.least_squares(numbered(), l2=0.1),
    "logistic": lambda: problems.logistic(labelled(), l2=0.1),
    "softmax": lambda: problems.softmax(labelled(4), classes=4, l2=0.1),
}
"""Convex, smooth, and strongly so."""


def answers(problem: Problem, oracle: Callable[..., Any], *arguments: Any) -> np.ndarray:
    """What every agent of a ragged stack answers, (K, ...): one program, padding included."""
    everyone = stacked(problem, Shape.of(problem.x0), np.ones(problem.K, problem.dtype))
    ask = jax.jit(jax.vmap(oracle, (0, *(None for _ in arguments))))
    return np.asarray(ask(jax.tree.map(jnp.asarray, everyone), *arguments))


def alone(problem: Problem, k: int) -> Any:
    """Agent k by itself, never padded, as JAX arrays."""
    return jax.tree.map(jnp.asarray, single(problem, Shape.of(problem.x0), np.ones(problem.K, problem.dtype), k))


def points(problem: Problem, count: int = 4, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, Shape.of(problem.x0).size))
