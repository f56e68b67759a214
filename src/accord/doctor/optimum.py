"""The common optimum, found by asking agents for losses, gradients and Hessian-vector products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accord.core.linalg.krylov import solve
from accord.problems.population.in_memory import Population
from accord.problems.population.queries import hvp, loss, value_and_grad

STEPS, PRODUCTS = 60, 200  # of Newton's method, and Hessian-vector products in each
FOUND = 1e-7  # of the first gradient: where more is left, there is no optimum


class Common(NamedTuple):
    """The minimum of F, as far as it was found."""

    x: np.ndarray
    value: float  # F there
    start: float  # F at x0
    left: float  # ‖∇F‖ there, over ‖∇F(x0)‖
    path: tuple[float, ...] = ()  # F after every step of the search, which is Newton's method

    @property
    def found(self) -> bool:
        """True where it is an optimum."""
        return self.left <= FOUND


def common_optimum(agents: Population, x0: np.ndarray, quadratic: bool) -> Common:
    """The minimiser of F = Σ p_k f_k by Newton's method with conjugate gradients, each step no longer than F falls.

    Source: Dembo, Eisenstat, Steihaug 1982, Inexact Newton methods.
    """
    x, eps = x0, np.finfo(float).eps
    F, g = agents.mean(value_and_grad, x)
    start, first = float(F), float(np.linalg.norm(g))
    path = [start]
    for _ in range(STEPS):
        size = float(np.linalg.norm(g))
        if size <= 1e-14 * max(first, 1e-300):
            break
        forcing = 1e-15 if quadratic else min(0.1, size / first)
        move = -solve(lambda v, x=x: agents.mean(hvp, x, v), g, forcing, PRODUCTS)
        promised = float(g @ move)
        step = _backtracked(agents, x, float(F), move, promised)
        if step == 0:
            break
        x = x + step * move
        F, g = agents.mean(value_and_grad, x)
        path.append(float(F))
        if -promised <= eps * abs(float(F)) and float(np.linalg.norm(g)) >= 0.5 * size:
            break  # at the rounding of F, and of its gradient
    return Common(x, float(F), start, float(np.linalg.norm(g)) / max(first, 1e-300), tuple(path))


def _backtracked(agents: Population, x: np.ndarray, F: float, move: np.ndarray, falls: float) -> float:
    """The longest of 1, ½, ¼, ... after which F has fallen as promised, up to rounding; 0 where none has."""
    for step in 0.5 ** np.arange(40):
        if float(agents.mean(loss, x + step * move)) <= F + 1e-4 * step * falls + 8 * np.finfo(float).eps * abs(F):
            return float(step)
    return 0.0
