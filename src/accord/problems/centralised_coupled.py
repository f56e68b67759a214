"""The centralised answer of a market: the decisions and the price that clear a shared constraint."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag, bsr_array, csr_array

from accord.core.linalg.interior_point import Programme, Smooth, solve
from accord.errors import ProblemError
from accord.problems.agent import Agent
from accord.problems.coupling import Coupling
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, stacked
from accord.problems.recession import Fall, fall

ENOUGH = 1e-8  # relative residual of an answer; the method comes to about 1e-13 where there is one


class ClearedMarket(NamedTuple):
    """The equilibrium of a market."""

    x: np.ndarray  # (K, d), every agent's decision
    price: np.ndarray  # (m,), λ = −dF*/db: at it, x_k minimises f_k(x) + λᵀA_k x within agent k's box
    value: float  # Σ f_k(x_k)


def clear(problem: Problem) -> ClearedMarket:
    """Minimise Σ f_k(x_k) subject to Σ A_k x_k (==, <=) b within every agent's box, by an interior-point method.

    Raises `ProblemError` where the boxes cannot meet the constraint, with the numbers, or the cost falls without end.

    >>> import accord
    >>> x, price, cost = clear(accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200],
    ...                        [200, 150, 100], [450, 350, 225], demand=975))
    >>> x.ravel().round(6).tolist(), price.round(6).tolist(), round(cost, 6)
    ([450.0, 325.0, 200.0], [9.4], 8236.25)
    """
    coupled = problem.coupling
    if coupled is None:
        raise ProblemError("The agents share no constraint, so there is no market to clear. Use problem.solve().")
    if problem.opaque:
        raise ProblemError(
            "The agents are opaque, so their costs cannot be put together. Run DualDecomposition instead."
        )
    _reachable(coupled)
    with jax.enable_x64(True):
        K, d = coupled.lower.shape
        costs = _Costs(problem, K, d)
        x, price = _optimal(problem, coupled, costs)
        return ClearedMarket(x, price, costs.value(x))


class _Costs:
    """Σ f_k(x_k) and its derivatives, of all decisions (K, d) at once."""

    def __init__(self, problem: Problem, K: int, d: int) -> None:
        self.agents, self.d = stacked(problem, Shape.of(np.zeros(d)), np.ones(K)), d

    def value(self, x: np.ndarray) -> float:
        return float(np.sum(_values(self.agents, x)))

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient by all decisions, in one row."""
        return np.ravel(_grads(self.agents, x.reshape(-1, self.d)))

    def hessian(self, x: np.ndarray) -> csr_array:
        """A block an agent."""
        blocks = np.asarray(_hessians(self.agents, x.reshape(-1, self.d)))
        K = len(blocks)
        return csr_array(bsr_array((blocks, np.arange(K), np.arange(K + 1)), shape=(K * self.d, K * self.d)))


_values = jax.jit(jax.vmap(Agent.value))
_grads = jax.jit(jax.vmap(Agent.grad))
_hessians = jax.jit(jax.vmap(lambda agent, x: jax.hessian(agent.value)(x)))


def _optimal(problem: Problem, coupled: Coupling, costs: _Costs) -> tuple[np.ndarray, np.ndarray]:
    """Decisions and price; an inequality has a slack, which is one more decision that costs nothing."""
    (K, d), m = coupled.lower.shape, len(coupled.b)
    own, slack = K * d, m if coupled.sense == "<=" else 0
    A, b = np.hstack([coupled.dense.transpose(1, 0, 2).reshape(m, own), np.eye(m)[:, :slack]]), coupled.b
    if coupled.total is not None:
        A = np.vstack([A, np.hstack([np.kron(np.eye(K), np.ones(d)), np.zeros((K, slack))])])
        b = np.append(b, coupled.total)
    lower = np.append(coupled.lower.ravel(), np.zeros(slack))
    upper = np.append(coupled.upper.ravel(), np.full(slack, np.inf))
    f = Smooth(
        lambda x: np.append(costs.grad(x[:own]), np.zeros(slack)),
        lambda x: block_diag([costs.hessian(x[:own]), csr_array((slack, slack))]) if slack else costs.hessian(x),
    )
    point, error = solve(Programme(f, A, b, lower, upper), _inside(lower, upper))
    if not error <= ENOUGH:
        raise _unsolved(A, b, lower, upper, error, fall(problem), problem.names)
    return point.x[:own].reshape(K, d), point.price[:m]


def _inside(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """A point strictly within bounds, some of them infinite."""
    least = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper - 2, -1))
    most = np.where(np.isfinite(upper), upper, least + 2)
    return (least + most) / 2


def _reachable(coupled: Coupling) -> None:
    """Refuse a row of the constraint that the boxes alone rule out."""
    with np.errstate(invalid="ignore"):  # 0·∞: an agent without a part in the row
        ends = [
            np.nan_to_num(coupled.dense * bound[:, None, :], nan=0.0, posinf=np.inf, neginf=-np.inf)
            for bound in (coupled.lower, coupled.upper)
        ]
    least, most = (np.sum(pick(*ends), axis=(0, 2)) for pick in (np.minimum, np.maximum))
    reach = np.maximum(*(np.where(np.isfinite(end), np.abs(end), 0) for end in (least, most)))
    margin = 1e-12 * (np.abs(coupled.b) + reach)
    too_low, too_high = coupled.b < least - margin, (coupled.b > most + margin) & (coupled.sense == "==")
    for j in np.flatnonzero(too_low | too_high):
        raise ProblemError(
            f"Row {j} of the shared constraint asks for {coupled.b[j]:g}, but within their bounds "
            f"the agents reach only {least[j]:g} to {most[j]:g}. "
            "Widen the bounds, or change b."
        )


def _unsolved(
    A: np.ndarray,
    b: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    error: float,
    falling: Fall | None,
    names: tuple[str, ...],
) -> ProblemError:
    found = linprog(np.zeros(A.shape[1]), A_eq=A, b_eq=b, bounds=np.column_stack([lower, upper]))
    if found.status == 2:
        return ProblemError(
            f"No decisions within the agents' bounds meet all {len(b)} rows of the shared constraint "
            "at once. Widen the bounds, or change b."
        )
    if falling is not None:
        return ProblemError(falling.sentence(names))
    return ProblemError(
        "The shared constraint can be met, but no optimal decisions were found (residual "
        f"{error:.1g}): the cost falls without end, or is not convex. Give bounds."
    )
