"""Directions in which decisions may go for ever while the cost falls: a market with one of them has no optimum.

Source: Rockafellar 1970, Convex Analysis, section 8 (recession functions) and theorem 27.1.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from accord.problems.agent import Agent
from accord.problems.coupling import Coupling
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, stacked

FAR = 1e6
"""The distance, beside what the constraint and the bounds ask for, at which a cost of no known formula is evaluated."""

NEARER = 1e-3
"""The second, nearer distance: a cost that is as steep there is taken to be straight from there on."""

MANY = 100_000
"""Gradients beyond which costs without a formula are not looked at."""

ROUNDING = 1e-9


class Fall(NamedTuple):
    """An agent whose cost falls for ever, and by how much a unit of the largest decision that moves."""

    agent: int
    slope: float

    def sentence(self, names: tuple[str, ...]) -> str:
        """Name the agent, and say what to do."""
        return (
            f"The cost falls without end: agent {names[self.agent]}'s by {-self.slope:.3g} a unit, in a direction that "
            "no bound stops, while the others make up for it in the shared constraint. Give its decisions bounds."
        )


class Ways(NamedTuple):
    """Decisions that no bound and no curvature stops in one direction."""

    agent: np.ndarray  # (ways,)
    decision: np.ndarray
    sign: np.ndarray
    slope: np.ndarray  # what the cost rises a unit of the way, far out


def fall(problem: Problem) -> Fall | None:
    """The agent whose cost falls most along decisions that go on for ever and keep the shared constraint, if any.

    By a linear programme: minimise Σ slope·d over d within the open ends, Σ A_k d_k = 0 (or ≤ 0) and |d| ≤ 1. Costs of
    which no formula is known are looked at far out along each decision; costs of opaque agents are not looked at.

    >>> import accord
    >>> fall(accord.problems.dispatch([0, 0], [10.0, 30.0], 0, None, None, demand=100))
    Fall(agent=1, slope=-30.0)
    """
    coupled = problem.coupling
    if coupled is None or problem.opaque or coupled.total is not None:  # a total needs finite bounds
        return None
    ends = np.stack([np.isinf(coupled.lower), np.isinf(coupled.upper)])
    if not ends.any():
        return None
    known = hasattr(problem.loss, "quadratic")
    if not known and 4 * coupled.lower.size > MANY:
        return None
    ways, rows = _ways_of_quadratics(problem, ends) if known else (_ways_far_out(problem, coupled, ends), [])
    return _least(coupled, ways, rows) if len(ways.slope) else None


def _least(coupled: Coupling, ways: Ways, rows: list[np.ndarray]) -> Fall | None:
    from scipy.optimize import linprog  # a third of the time that importing accord takes
    from scipy.sparse import csr_array

    taken = coupled.dense[ways.agent, :, ways.decision].T * ways.sign
    taken = taken / np.where((size := np.abs(taken).max(1, initial=0)) > 0, size, 1)[:, None]
    still = np.vstack(rows) if rows else np.zeros((0, len(ways.slope)))
    equal, below = (np.vstack([taken, still]), None) if coupled.sense == "==" else (still, taken)
    steep = np.abs(ways.slope).max()
    if steep == 0:
        return None
    found = linprog(
        ways.slope / steep,
        bounds=(0, 1),
        A_eq=csr_array(equal) if len(equal) else None,
        b_eq=np.zeros(len(equal)) if len(equal) else None,
        A_ub=None if below is None else csr_array(below),
        b_ub=None if below is None else np.zeros(len(below)),
    )
    if found.status != 0 or found.fun >= -ROUNDING:
        return None
    each = np.bincount(ways.agent, ways.slope * found.x, len(coupled.A))
    return Fall(int(np.argmin(each)), float(each.min()))


def _ways_of_quadratics(problem: Problem, ends: np.ndarray) -> tuple[Ways, list[np.ndarray]]:
    """Along the flat decisions of a diagonal Hessian; along all of any other, and rows that ask for H d = 0."""
    ways, blocks = [], []
    for k in np.flatnonzero(ends.any((0, 2))):
        weights = np.full(problem.sizes[k], 1 / problem.sizes[k])
        H, q = (np.asarray(part, float) for part in problem.loss.quadratic(problem.shards[k], weights))
        flat = H <= 0 if H.ndim == 1 else ~H.any(1)
        coupled = H.ndim == 2 and not flat.all() and _singular(H)
        own = [
            (int(k), int(i), sign, sign * q[i])
            for sign, open_ends in ((-1, ends[0, k]), (1, ends[1, k]))
            for i in np.flatnonzero(open_ends & (flat | coupled))
        ]
        if coupled:
            blocks.append((len(ways), np.array([[H[j, i] * sign for _, i, sign, _ in own] for j in range(len(q))])))
        ways += own
    columns = zip(*ways, strict=True) if ways else ((), (), (), ())
    rows = []
    for first, block in blocks:
        row = np.zeros((len(block), len(ways)))
        row[:, first : first + block.shape[1]] = block / np.abs(block).max()
        rows.append(row)
    agent, decision, sign, slope = (np.array(column) for column in columns)
    return Ways(agent.astype(int), decision.astype(int), sign.astype(float), slope.astype(float)), rows


def _singular(H: np.ndarray) -> bool:
    values = np.linalg.eigvalsh(H)
    return bool(values[0] <= len(values) * np.finfo(float).eps * values[-1])


def _ways_far_out(problem: Problem, coupled: Coupling, ends: np.ndarray) -> Ways:
    """Return the directions in which a cost is straight far out, and its slopes; one that falls ever more slowly, as a
    logarithm, counts as level."""
    K, d = coupled.lower.shape
    finite = (
        np.where(np.isfinite(coupled.lower), coupled.lower, 0),
        np.where(np.isfinite(coupled.upper), coupled.upper, 0),
    )
    asked = np.linalg.norm(coupled.b) / np.linalg.norm(coupled.A) * np.sqrt(K) + max(
        np.abs(end).max() for end in finite
    )
    start = np.clip(np.zeros((K, d)), coupled.lower, coupled.upper)
    with jax.enable_x64(True):
        agents = stacked(problem, Shape.of(np.zeros(d)), np.ones(K))
        out = FAR * (asked or 1.0) * np.array([1, NEARER])
        there = np.einsum("s,w,ij->swij", [-1, 1], out, np.eye(d))  # (sign, how far, decision, d)
        points = start[:, None, None, None] + there
        slopes = np.asarray(_slopes(agents, jnp.asarray(points)))  # (K, sign, how far, decision)
    far, near = slopes[:, :, 0] * [[[-1], [1]]], slopes[:, :, 1] * [[[-1], [1]]]
    with np.errstate(invalid="ignore"):
        straight = np.abs(far - near) <= NEARER * np.abs(far)
    slope = np.where(straight, far, np.where(far < 0, 0, np.inf)).transpose(1, 0, 2)  # (sign, K, d)
    side, agent, decision = np.nonzero(ends & np.isfinite(slope))
    return Ways(agent, decision, 2.0 * side - 1, slope[side, agent, decision])


@jax.jit
def _slopes(agents: Agent, points: jax.Array) -> jax.Array:
    """The i-th entry of the gradient at the point that is out along decision i."""
    own = jax.vmap(lambda agent, x: jnp.diagonal(jax.vmap(agent.grad)(x)), (None, 0))
    return jax.vmap(jax.vmap(own, (None, 0)), (agents.axes, 0))(agents, points)
