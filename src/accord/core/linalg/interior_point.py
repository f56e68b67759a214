"""A primal-dual interior-point method: the centralised reference for shared constraints and for hinges.

Source: Boyd, Vandenberghe 2004, Convex Optimization, section 11.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

CURVATURE = 1e-12  # added to a Hessian before it is factored: it bends the direction, not the answer
MET = 1e-14  # a violation that is rounding
HAIR = 1e-30  # what keeps a decision off a bound that rounding has reached
NARROWING = 0.1  # how much each step aims to lower the complementarity
POLISHED = 1e-9  # an error below which pinned decisions are right: those of the path itself are √τ away


class Smooth(NamedTuple):
    """A convex function by its derivatives; the Hessian sparse, since agents do not see one another's decisions."""

    grad: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], Any]


class Point(NamedTuple):
    """A decision and the multipliers that prove it: of A x = b, of x ≥ lower, of x ≤ upper."""

    x: np.ndarray
    price: np.ndarray
    below: np.ndarray
    above: np.ndarray

    def moved(self, step: float, direction: Point) -> Point:
        """Return the point after one step along a direction."""
        return Point(*(part + step * change for part, change in zip(self, direction, strict=True)))


class Residual(NamedTuple):
    """The distance of a point from optimality: each is zero there."""

    dual: np.ndarray  # ∇f + Aᵀλ − below + above
    primal: np.ndarray  # A x − b
    below: np.ndarray  # below·(x − lower) − τ
    above: np.ndarray  # above·(upper − x) − τ

    @property
    def norm(self) -> float:
        """The Euclidean norm of all residuals; infinite where one is NaN."""
        norm = float(np.linalg.norm(np.concatenate(self)))
        return norm if np.isfinite(norm) else np.inf


class Programme(NamedTuple):
    """Minimise f(x) subject to A x = b and lower ≤ x ≤ upper; bounds may be infinite, and may meet."""

    f: Smooth
    A: np.ndarray
    b: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def pinned(self) -> np.ndarray:
        """The places where the bounds meet, so that nothing is left to decide."""
        return self.lower == self.upper

    def room(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The distance to either bound, 1 where there is none."""
        low, high = np.isfinite(self.lower), np.isfinite(self.upper)
        below = np.where(low, x - np.where(low, self.lower, 0), 1.0)
        return np.maximum(below, HAIR), np.maximum(np.where(high, np.where(high, self.upper, 0) - x, 1.0), HAIR)

    def residual(self, p: Point, target: float) -> Residual:
        """The optimality conditions, perturbed by τ = `target`."""
        below, above = self.room(p.x)
        return Residual(
            self.f.grad(p.x) + self.A.T @ p.price - p.below + p.above,
            self.A @ p.x - self.b,
            np.where(np.isfinite(self.lower), p.below * below - target, 0.0),
            np.where(np.isfinite(self.upper), p.above * above - target, 0.0),
        )

    def violation(self, p: Point) -> float:
        """Return the largest violation: of A x = b, relative to the numbers that must cancel, or of the bounds on x."""
        part = max(np.abs(self.b).max(initial=0), (np.abs(self.A) @ np.abs(p.x)).max(initial=0), 1.0)
        outside = max(np.max(self.lower - p.x, initial=0), np.max(p.x - self.upper, initial=0))
        return max(np.abs(self.A @ p.x - self.b).max(initial=0) / part, outside)

    def error(self, p: Point) -> float:
        """Return the distance of a point from optimality."""
        r = self.residual(p, 0.0)
        cost = max(np.abs(self.f.grad(p.x)).max(initial=0), np.abs(self.A.T @ p.price).max(initial=0), 1.0)
        return max(self.violation(p), *(np.abs(part).max(initial=0) / cost for part in (r.dual, r.below, r.above)))

    def direction(self, p: Point, r: Residual) -> Point:
        """The Newton step on the residual; the bounds' multipliers, then x are eliminated, which leaves the price."""
        below, above = self.room(p.x)
        factor = splu(csc_array(self.f.hessian(p.x) + diags_array(p.below / below + p.above / above + CURVATURE)))
        g = r.dual + r.below / below - r.above / above
        if len(self.A):
            response = factor.solve(np.ascontiguousarray(self.A.T))
            asked, missing = self.A @ response, r.primal - self.A @ factor.solve(g)
            price = np.linalg.lstsq(asked, missing, rcond=None)[0]  # rows may repeat one another
        else:
            price = np.zeros(0)
        x = -factor.solve(g + self.A.T @ price)
        return Point(x, price, (-r.below - p.below * x) / below, (-r.above + p.above * x) / above)

    def in_units(self, size: float, cost: float, rows: np.ndarray) -> Programme:
        """The same with decisions in units of `size`, gradients in units of `cost`, constraints in units of `rows`."""
        f = Smooth(lambda x: self.f.grad(size * x) / cost, lambda x: self.f.hessian(size * x) * (size / cost))
        return Programme(f, self.A / rows[:, None], self.b / rows / size, self.lower / size, self.upper / size)

    def of_the_free(self) -> Programme:
        """The programme of the decisions that are not pinned."""
        pinned = self.pinned
        free = ~pinned

        def whole(x: np.ndarray) -> np.ndarray:
            return _filled(self.lower, free, x)

        f = Smooth(lambda x: self.f.grad(whole(x))[free], lambda x: csr_array(self.f.hessian(whole(x)))[free][:, free])
        return Programme(
            f, self.A[:, free], self.b - self.A[:, pinned] @ self.lower[pinned], self.lower[free], self.upper[free]
        )


def solve(programme: Programme, start: np.ndarray) -> tuple[Point, float]:
    """The optimal point, and its error. `start` lies strictly within the bounds, where they do not meet."""
    rows = np.maximum(np.abs(programme.A).max(axis=1, initial=0), HAIR)
    size = max(np.abs(start).max(), np.abs(programme.b / rows).max(initial=0)) or 1.0
    cost = np.abs(programme.f.grad(start)).max() or 1.0
    scaled = programme.in_units(size, cost, rows)
    p = _solve(scaled, start / size)
    x = np.clip(p.x * size, programme.lower, programme.upper)
    return Point(x, p.price * cost / rows, p.below * cost, p.above * cost), scaled.error(p)


def _solve(programme: Programme, start: np.ndarray) -> Point:
    """Solve again from where the path ends, with decisions that lean on a bound pinned to it.

    The path alone comes only as near as √τ to a bound whose multiplier is zero too.
    """
    pinned = programme.pinned
    p = _whole(programme, pinned, _follow(programme.of_the_free(), start[~pinned], np.zeros(len(programme.b))))
    below, above = programme.room(p.x)
    low, high = (p.below > below) | pinned, p.above > above
    at = np.where(low, programme.lower, programme.upper)
    leaning = programme._replace(lower=np.where(low | high, at, -np.inf), upper=np.where(low | high, at, np.inf))
    polished = _whole(leaning, leaning.pinned, _follow(leaning.of_the_free(), p.x[~leaning.pinned], p.price))
    right = programme.error(polished) <= max(programme.error(p), POLISHED)
    return polished if right and programme.violation(polished) <= max(programme.violation(p), MET) else p


def _whole(programme: Programme, pinned: np.ndarray, p: Point) -> Point:
    """A point of the free decisions, completed: what pins a decision to its bound is the force that pulls it away."""
    x = _filled(programme.lower, ~pinned, p.x)
    force = programme.f.grad(x) + programme.A.T @ p.price
    return Point(
        x, p.price, _filled(np.maximum(force, 0), ~pinned, p.below), _filled(np.maximum(-force, 0), ~pinned, p.above)
    )


def _filled(base: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    full = base.copy()
    full[places] = values
    return full


def _follow(programme: Programme, start: np.ndarray, price: np.ndarray, steps: int = 200) -> Point:
    """The end of the central path, whose complementarity τ falls with the gap: where the residual can fall no further.

    Each step is halved until the residual falls.
    """
    bounds = np.isfinite(programme.lower).astype(float), np.isfinite(programme.upper).astype(float)
    p = Point(start, price, *bounds)
    for _ in range(steps if len(start) else 0):
        below, above = programme.room(p.x)
        target = NARROWING * float(p.below @ below + p.above @ above) / max(np.sum(bounds), 1)
        nearer = _step(programme, p, programme.residual(p, target), target)
        if nearer is None:
            break
        p = nearer
    return p


def _step(programme: Programme, p: Point, r: Residual, target: float) -> Point | None:
    d = programme.direction(p, r)
    if not np.isfinite(np.concatenate(d)).all():
        return None
    below, above = programme.room(p.x)
    low, high = np.isfinite(programme.lower), np.isfinite(programme.upper)
    longest = min(
        _longest(p.below, d.below),
        _longest(p.above, d.above),
        _longest(below[low], d.x[low]),
        _longest(above[high], -d.x[high]),
    )
    step = 0.995 * longest if longest < 1 else 1.0
    while step > 1e-12:
        nearer = p.moved(step, d)
        if programme.residual(nearer, target).norm <= (1 - 0.01 * step) * r.norm:
            return nearer
        step /= 2
    return None


def _longest(room: np.ndarray, change: np.ndarray) -> float:
    """Return the longest step before some of `room` is used up."""
    shrinking = change < 0
    return float(np.min(-room[shrinking] / change[shrinking], initial=np.inf))
