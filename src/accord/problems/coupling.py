"""A constraint that agents share: Σ A_k x_k = b (or ≤ b), each x_k within its own box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.pytrees import pytree
from accord.errors import ProblemError
from accord.problems.regularizers import Box, Budget


@pytree
@dataclass(frozen=True)
class LocalConstraint:
    """One agent's part: its columns A_k, its portion b/K of the right-hand side, its own box; and what all know."""

    A: Any  # (m, d), or (d,) where row i is about decision i alone
    b: Any  # (m,)
    box: Box | Budget  # lower and upper of shape (d,), and what they add up to
    floor: Any  # (m,), the least a price may be: 0 for a row of ≤, −∞ for a row of ==
    agents: Any  # K, as a number

    def apply(self, x: Array) -> Array:
        """A x, what a decision takes of each row."""
        return self.A @ x if self.A.ndim == 2 else self.A * x

    def adjoint(self, price: Array) -> Array:
        """Aᵀλ, what each decision is charged a unit."""
        return self.A.T @ price if self.A.ndim == 2 else self.A * price

    @property
    def separable(self) -> bool:
        """True where ‖A x‖² is a sum over decisions."""
        return self.A.ndim == 1 or self.A.shape[1] == 1

    def active(self) -> Array:
        """(m,), 1 for each row that the agent can move within its bounds, else 0."""
        moved = (self.A != 0) & (self.box.upper > self.box.lower)
        return (jnp.any(moved, 1) if self.A.ndim == 2 else moved).astype(self.A.dtype)


class Market(NamedTuple):
    """The start of a price method: the price, the least it may be, and how many agents answer."""

    price: Any  # λ, (m,)
    floor: Any  # 0 for a row of ≤, −∞ for a row of ==
    agents: Any  # K, as a number of the price's dtype


@dataclass(frozen=True, eq=False)
class Coupling:
    """Σ A_k x_k (==, <=) b with lower ≤ x_k ≤ upper; arrays with a leading agent axis."""

    A: np.ndarray  # (K, m, d), or (K, d) where row i is about decision i alone
    b: np.ndarray  # (m,)
    sense: str
    lower: np.ndarray  # (K, d)
    upper: np.ndarray  # (K, d)
    total: np.ndarray | None = None  # (K,), what each agent's decisions add up to

    @property
    def dense(self) -> np.ndarray:
        """(K, m, d), zeros and all."""
        return self.A if self.A.ndim == 3 else self.A[:, :, None] * np.eye(self.A.shape[1])

    def shares(self, dtype: Any) -> LocalConstraint:
        """The agents' parts, stacked."""
        K = len(self.A)
        b = np.broadcast_to(self.b / K, (K, len(self.b)))
        bounds = self.lower.astype(dtype), self.upper.astype(dtype)
        box = Box(*bounds) if self.total is None else Budget(*bounds, self.total.astype(dtype))
        market = self.market(dtype)
        floor, agents = np.broadcast_to(market.floor, b.shape), np.broadcast_to(market.agents, K)
        return LocalConstraint(np.asarray(self.A, dtype), np.asarray(b, dtype), box, floor, agents)

    def market(self, dtype: Any) -> Market:
        """Prices of zero, and what they must respect."""
        m = len(self.b)
        floor = np.full(m, 0.0 if self.sense == "<=" else -np.inf, dtype)
        return Market(np.zeros(m, dtype), floor, np.asarray(len(self.A), dtype))


def coupling(A: Any, b: Any, sense: str, lower: Any, upper: Any, K: int, d: int, total: Any = None) -> Coupling:
    """The constraint, once its shapes agree with K agents of d decisions each.

    `A` is (K, m, d), or (K, d) for a single constraint, or for d of them that are about a decision each, or (K,) for
    single decisions; bounds broadcast to (K, d), totals to (K,).
    """
    if sense not in ("==", "<="):
        raise ProblemError(f"A coupling has sense '==' or '<=', but {sense!r} was given.")
    b = np.atleast_1d(np.asarray(b, float))
    if b.ndim > 1:
        raise ProblemError(f"The right-hand side b has shape {b.shape}. Give one number a constraint, (m,).")
    A = np.asarray(A, float)
    A = A.reshape(K, 1, d) if A.ndim < 3 and A.size == K * d and len(b) == 1 else A
    if A.shape not in ((K, len(b), d), (K, d) if len(b) == d > 1 else None):
        raise ProblemError(
            f"The coupling matrices have shape {A.shape}, but {K} agents of {d} decisions under "
            f"{len(b)} "
            f"constraints need ({K}, {len(b)}, {d}). Give one (m, d) matrix an agent."
        )
    for name, values in (("A", A), ("b", b)):
        if not np.isfinite(values).all():
            raise ProblemError(f"The coupling's {name} holds NaN or infinity. Give finite numbers.")
    if silent := [k for k in range(K) if not A[k].any()]:
        raise ProblemError(
            f"The coupling matrix of agent {silent[0]} is zero, so no price reaches it. "
            "Leave the agent out of the coupled problem."
        )
    low, high = _bound("lower", lower, -np.inf, K, d), _bound("upper", upper, np.inf, K, d)
    if (empty := low > high).any():
        k = int(np.argwhere(empty)[0][0])
        raise ProblemError(
            f"Agent {k}'s lower bound {low[k]} exceeds its upper bound {high[k]}: it has no decision left."
        )
    return Coupling(A, b, sense, low, high, None if total is None else _totals(total, low, high))


def _bound(name: str, given: Any, none: float, K: int, d: int) -> np.ndarray:
    """(K, d), infinite where there is no bound: a number, one a decision, one an agent, or all of them."""
    values = np.asarray(none if given is None else given, float)
    try:
        bound = np.broadcast_to(_columns(values, K, d), (K, d))
    except ValueError as error:
        raise ProblemError(
            f"The {name} bounds have shape {values.shape}, but {K} agents of {d} decisions need "
            f"({K}, {d}), or one number for all."
        ) from error
    if (wrong := np.isnan(bound) | (bound == -none)).any():
        k, i = np.argwhere(wrong)[0]
        raise ProblemError(
            f"Agent {k}'s {name} bound of decision {i} is {bound[k, i]}. Give a number, or {none} where "
            "there is no bound."
        )
    return bound


def _totals(total: Any, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the total of each agent's decisions, checked against its bounds."""
    given = np.asarray(total, float)
    if given.shape not in ((), (1,), (len(low),)):
        raise ProblemError(f"The totals have shape {given.shape}, but there are {len(low)} agents. Give one an agent.")
    totals = np.broadcast_to(given, len(low))
    least, most = low.sum(1), high.sum(1)
    rounding = 1e-12 * (np.abs(totals) + np.abs(low).sum(1) + np.abs(high).sum(1))
    if not np.isfinite(rounding).all():
        k = int(np.argmin(np.isfinite(rounding)))
        raise ProblemError(
            f"Agent {k}'s decisions add up to {totals[k]}, between bounds from {low[k].min()} to "
            f"{high[k].max()}. Where there is a total, give finite bounds to all."
        )
    if (missed := (totals < least - rounding) | (totals > most + rounding)).any():
        k = int(np.argmax(missed))
        raise ProblemError(
            f"Agent {k}'s decisions have to add up to {totals[k]:g}, but its bounds allow {least[k]:g} "
            f"to {most[k]:g}. Widen its bounds, or change its total."
        )
    return totals


def _columns(bound: Any, K: int, d: int) -> np.ndarray:
    """A bound a decision, or one an agent where decisions are single numbers."""
    values = np.asarray(bound, float)
    return values[:, None] if d == 1 and values.shape == (K,) else values
