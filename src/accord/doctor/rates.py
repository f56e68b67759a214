"""The number of rounds of a method, predicted from curvature and network, and how stale a gradient may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from accord.core.linalg.krylov import Ritz
from accord.methods.traits import phases_of

CONSERVED = 1e-9  # an eigenvalue so near to 1 is of what a round keeps, such as the mean of the trackers
LONGEST = 10**7  # rounds: more is as good as never


class Rounds(NamedTuple):
    """The rounds of a method until F is within a share of the initial distance: predicted, and measured."""

    method: str
    predicted: float  # rounds; infinite where the theory foresees no end, NaN where there is no theory
    basis: str  # by which theory
    bytes: float  # sent by all until then
    measured: float = math.nan  # rounds of a run; NaN where none was made, infinite where it did not get there


def descent(seen: Ritz, step_size: float, share: float) -> float:
    """Rounds of gradient descent on a quadratic until F − F* has fallen to a share.

    - `seen`: eigenvalues θ_j of the Hessian and shares ω_j, seen from x0 − x*.

    >>> descent(Ritz(np.ones(1), np.ones(1), np.ones(1)), 0.5, 0.25)
    1
    """
    return until(seen.shares * seen.values, 1 - step_size * seen.values, share)


def until(height: np.ndarray, contraction: np.ndarray, share: float) -> float:
    """The least t with Σ h_j c_j^{2t} ≤ share · Σ h_j; infinite where there is none."""

    def enough(t: int) -> bool:
        return float(height @ np.abs(contraction) ** (2 * t)) <= share * float(height.sum())

    low, high = 0, 1
    while not enough(high):
        low, high = high, 2 * high
        if high > LONGEST:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def linear(contraction: float, share: float) -> float:
    """Rounds until a squared distance that shrinks by a factor a round has fallen to a share."""
    if not 0 < contraction < 1:
        return 0.0 if contraction <= 0 else math.inf
    return math.ceil(math.log(share) / (2 * math.log(contraction)))


def skipping(kappa: float, steps: int, share: float) -> float:
    """Rounds of Scaffnew: an iteration contracts by 1 − min(1/κ, p²), and p = 1/steps of them communicate."""
    return linear(math.sqrt(1 - min(1 / kappa, 1 / steps**2)), share) / steps


@dataclass(frozen=True)
class _Spring:
    """An agent on one line: f(x) = θ/2 x²."""

    theta: Array

    def value(self, x: Array) -> Array:
        return 0.5 * self.theta * jnp.vdot(x, x)

    def grad(self, x: Array) -> Array:
        return self.theta * x


def radii(method: Any, eigenvalues: np.ndarray, curvatures: np.ndarray) -> np.ndarray:
    """Return the factors by which a round of a peer method shortens errors where agents share a Hessian: (modes, θ).

    Along an eigenvector of W with eigenvalue λ and one of the Hessian with eigenvalue θ a round is a small linear map,
    got from the method's own functions; its spectral radius is the answer. Where Hessians differ it may be slower.

    - `method`: its step size chosen. `eigenvalues`: of W. `curvatures`: θ.

    >>> import accord
    >>> radii(accord.DGD(0.5), np.array([1.0, 0.2]), np.array([1.0])).round(6).tolist()
    [[0.5], [0.3]]
    """
    key, one = jax.random.key(0), jnp.ones(1)
    flat, unflatten = ravel_pytree(method.init(one, _Spring(jnp.ones(())), key))

    def round(state: Array, mode: Array, theta: Array) -> Array:
        agent, now = _Spring(theta), unflatten(state)
        for part in phases_of(method):
            mixed = jax.tree.map(lambda leaf: mode * leaf, part.message(now))
            now = part.update(now, mixed, agent, key)
        return ravel_pytree(now)[0]

    of_curvatures = jax.vmap(jax.jacfwd(round), (None, None, 0))
    maps = jax.jit(jax.vmap(of_curvatures, (None, 0, None)))(jnp.zeros_like(flat), eigenvalues, curvatures)
    sizes = np.linalg.eigvals(np.asarray(maps))
    return np.abs(np.where(np.abs(sizes - 1) < CONSERVED, 0, sizes)).max(-1)


def among_peers(method: Any, W: np.ndarray, seen: Ritz, share: float) -> float:
    """Rounds of a peer method until F at the mean and the agents' disagreement have both fallen to a share."""
    modes = np.linalg.eigvalsh(W)
    found = radii(method, np.append(np.unique(modes[:-1].round(12)), 1.0), seen.values)
    of_mean = until(seen.shares * seen.values, found[-1], share)
    return max(of_mean, linear(float(found[:-1].max(initial=0)), share))


def longest_step(delay: int, curvature: float) -> float:
    """The step size below which x⁺ = x − a ∇F(x_{t−d}) is stable: a L < 2 sin(π/(2(2d+1))).

    >>> [round(longest_step(d, 1.0), 6) for d in (0, 1, 2, 5)]
    [2.0, 1.0, 0.618034, 0.28463]
    """
    return 2 * math.sin(math.pi / (2 * (2 * delay + 1))) / curvature


def longest_delay(step_size: float, curvature: float) -> int:
    """The largest delay in rounds that a step size is stable under; −1 where it is under none."""
    delay = -1
    while delay < 10_000 and longest_step(delay + 1, curvature) > step_size:
        delay += 1
    return delay
