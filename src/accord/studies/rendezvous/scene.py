"""The scene, drawn at random once and for all: posts, patrols, the way to drive, masts seen from afar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.problems import Problem, least_squares
from accord.problems.objectives import Bounds

WIDTH, HEIGHT = 10.0, 6.0  # km
MIDDLE = np.array([WIDTH, HEIGHT]) / 2
NEAR = 0.2  # km within which the way is smoothed
SIGHT = 1.6  # km
SEED = 5
ERROR = np.radians(1.0)  # of a bearing, one standard deviation


@dataclass(frozen=True)
class Way:
    """√(‖x − c‖² + ε²) − ε for a post c: how far it is from c to x, smooth within ε of it."""

    near: float = NEAR

    def __call__(self, x: Array, post: Array) -> Array:
        return jnp.sqrt(jnp.sum((x - post) ** 2) + self.near**2) - self.near

    def bounds(self, _: np.ndarray) -> Bounds:
        """Curved by 1/ε at the post, and ever less far from it."""
        return Bounds(1 / self.near, 0.0)


def posts(vehicles: int) -> np.ndarray:
    """(vehicles, 2) in km: many in the west, few in the east."""
    random = np.random.default_rng(SEED)
    return np.stack([1 + 10.5 * random.beta(0.9, 2.4, vehicles), random.uniform(0.8, 5.2, vehicles)], 1)


def patrols(around: np.ndarray, rounds: int) -> np.ndarray:
    """(rounds, vehicles, 2): every vehicle drives an ellipse around its post, once or twice, and begins again."""
    random = np.random.default_rng([SEED, 1])
    K = len(around)
    turns, start = random.choice([-2, -1, 1, 2], K), random.uniform(0, 2 * np.pi, K)
    axes, tilt = random.uniform(0.4, 1.1, (K, 2)), random.uniform(0, np.pi, K)
    angle = 2 * np.pi * np.arange(rounds)[:, None] / rounds * turns + start
    along, across = axes[:, 0] * np.cos(angle), axes[:, 1] * np.sin(angle)
    east, north = along * np.cos(tilt) - across * np.sin(tilt), along * np.sin(tilt) + across * np.cos(tilt)
    return around + np.stack([east, north], -1)


def median(around: np.ndarray) -> np.ndarray:
    """The geometric median argmin Σ ‖x − c_k‖, by Weiszfeld's steps: what the fleet is measured with."""
    x = around.mean(0)
    for _ in range(2000):
        pull = 1 / np.linalg.norm(around - x, axis=1)
        x = pull @ around / pull.sum()
    return x


class Map(NamedTuple):
    """Masts, and what the vehicles see of them."""

    masts: np.ndarray  # (masts, 2), the truth
    seen: list[list[tuple[int, np.ndarray, np.ndarray]]]  # a vehicle: which mast, from where, in which direction
    problem: Problem


def surveyed(places: np.ndarray, masts: int, looks: int) -> Map:
    """Bearings to all masts within sight, by every vehicle at `looks` places of its patrol, 1° right or wrong.

    A bearing in the direction u from p puts a mast m on a line: nᵀ m = nᵀ p, with n across u. A row of least squares;
    one line fixes no point.
    """
    random = np.random.default_rng([SEED, 2])
    truth = np.stack([random.uniform(1, 9, masts), random.uniform(0.6, 5.4, masts)], 1)
    seen: list[list[tuple[int, np.ndarray, np.ndarray]]] = [[] for _ in range(places.shape[1])]
    for t in np.linspace(0, len(places), looks, endpoint=False).astype(int):
        for k, place in enumerate(places[t]):
            for m in np.flatnonzero(np.linalg.norm(truth - place, axis=1) < SIGHT):
                east, north = truth[m] - place
                angle = np.arctan2(north, east) + ERROR * random.normal()
                seen[k].append((int(m), place, np.array([np.cos(angle), np.sin(angle)])))
    names = [f"vehicle {k + 1}" for k in range(len(seen))]
    return Map(truth, seen, least_squares([_rows(own, masts) for own in seen], names=names))


def _rows(seen: list[tuple[int, np.ndarray, np.ndarray]], masts: int) -> tuple[np.ndarray, np.ndarray]:
    """The lines on which a vehicle saw masts: (bearings, 2·masts) and (bearings,)."""
    A, b = np.zeros((len(seen), masts, 2)), np.zeros(len(seen))
    for i, (m, place, (east, north)) in enumerate(seen):
        A[i, m] = -north, east
        b[i] = A[i, m] @ place
    return A.reshape(len(seen), 2 * masts), b
