"""The centralised answer, from all data at once: what a distributed one is compared with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.optimize
from jax import Array

from accord.core.devices import use_all_cpu_devices
from accord.core.linalg.fista import fista
from accord.errors import ProblemError
from accord.problems.centralised_coupled import clear
from accord.problems.data.shape import Shape
from accord.problems.data.shards import concatenated
from accord.problems.problem import Problem, in_precision

Function = Callable[[Any], Any]

DENSE = 2000, 3e7  # decisions, and decisions times rows, up to which a Hessian is formed
SMALL = 1e-6  # of the first gradient: where more is left, the answer is none, and that is reported


class CentralisedProblem(NamedTuple):
    """The problem with all rows in one place: F(x) = Σ_i weights_i · loss(x, row_i)."""

    rows: Any
    weights: np.ndarray


def solve(problem: Problem, x0: Any = None) -> Any:
    """The minimiser of F(x) = Σ p_k f_k(x) + r(x) in float64, in the structure of x0; `Coupled`: all x_k, (K, d).

    - Quadratics by one linear solve; smooth losses by Newton's method to the rounding of the gradient, from `x0`;
      above 2000 decisions by L-BFGS, to about 1e-8.
    - With a regularizer by accelerated proximal gradient; hinges and shared constraints by an interior-point method.
    - What is not convex, as a neural network, has no centralised answer: the result is a local minimum near `x0`.

    Raises `ProblemError` where there is no minimum or no decision that meets a constraint, and warns with the gradient
    that is left where a loss is not smooth.
    """
    use_all_cpu_devices()
    with jax.enable_x64(True):
        if problem.coupling is not None:
            return clear(problem)[0]
        start, shape = _start(problem, x0)
        return jax.tree.map(np.asarray, shape.unflatten(np.asarray(_minimiser(problem, shape, start))))


def optimal_value(problem: Problem, x0: Any = None) -> float:
    """F at the centralised answer, the regularizer included.

    >>> import accord
    >>> round(optimal_value(accord.problems.quadratic(H=[1.0, 1.0], c=[0.0, 2.0])), 12)
    0.5
    """
    with jax.enable_x64(True):
        if problem.coupling is not None:
            return clear(problem)[2]
        start, shape = _start(problem, x0)
        x = _minimiser(problem, shape, start)
        extra = 0.0 if problem.regularizer is None else float(problem.regularizer.value(jnp.asarray(x)))
        return float(_smooth(problem, shape)[0](x)) + extra


def _start(problem: Problem, x0: Any) -> tuple[np.ndarray, Shape]:
    given = problem.x0 if x0 is None else x0
    if given is None:
        raise ProblemError("This problem does not say where to start. Give x0, a pytree of parameters.")
    leaves = [np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(given)]
    return np.concatenate(leaves), Shape.of(given)


def _minimiser(problem: Problem, shape: Shape, start: np.ndarray) -> np.ndarray:
    loss, term = problem.loss, problem.regularizer
    if hasattr(loss, "minimiser"):
        if term is not None:
            raise ProblemError(
                f"A {type(loss).__name__} with a {type(term).__name__} term has no centralised solver. Leave it out."
            )
        return loss.minimiser(*_pooled(problem))
    value, grad, hessian = _smooth(problem, shape)
    if hasattr(loss, "quadratic"):
        H, q = (np.asarray(part) for part in loss.quadratic(*_pooled(problem)))
        if term is None:
            return _stationary(H, q)
        grad = (lambda x: H * x + q) if H.ndim == 1 else (lambda x: H @ x + q)
    if term is not None:
        return np.asarray(jax.jit(partial(fista, grad, prox=term.prox, max_steps=100_000))(jnp.asarray(start)))
    return _descend(value, grad, hessian, start, convex=hasattr(loss, "bounds"))


def _pooled(problem: Problem) -> CentralisedProblem:
    """Return every agent's rows, each weighing p_k/n_k."""
    rows = concatenated(problem.shards)
    sizes = problem.sizes
    return CentralisedProblem(
        in_precision(rows, np.dtype(np.float64)), np.repeat(problem.weights / np.maximum(sizes, 1), sizes)
    )


def _smooth(problem: Problem, shape: Shape) -> tuple[Function, Function, Function | None]:
    """F without its regularizer, ∇F, and ∇²F where it is small enough to be formed."""
    if problem.opaque:
        agents = list(zip(problem.weights, problem.shards, strict=True))
        if silent := [k for k, (_, agent) in enumerate(agents) if agent.grad is None]:
            raise ProblemError(
                f"Agent {silent[0]} answers no grad, which a centralised answer needs. Give Opaque(grad=...)."
            )
        return (
            lambda x: sum(p * float(agent.value(x)) for p, agent in agents),
            lambda x: sum(p * np.asarray(agent.grad(x), float) for p, agent in agents),
            None,
        )
    rows, weights = jax.tree.map(jnp.asarray, _pooled(problem))
    made = (partial(part, problem.loss, shape, rows, weights) for part in (_value, _grad, _hessian))
    value, grad, hessian = (lambda x, part=part: part(jnp.asarray(x)) for part in made)
    return value, grad, hessian if shape.size <= DENSE[0] and shape.size * len(weights) <= DENSE[1] else None


def _weighted(loss: Any, shape: Shape, rows: Any, weights: Array, x: Array) -> Array:
    losses = jax.vmap(loss, (None, 0))(shape.unflatten(x), rows)
    return jnp.sum(jnp.where(weights > 0, weights * losses, 0))


_value = jax.jit(_weighted, static_argnums=(0, 1))
_grad = jax.jit(jax.grad(_weighted, 4), static_argnums=(0, 1))
_hessian = jax.jit(jax.hessian(_weighted, 4), static_argnums=(0, 1))


def _stationary(H: np.ndarray, q: np.ndarray) -> np.ndarray:
    """H x = −q, H scaled to a unit diagonal; where directions are flat, none is taken along them."""
    H = np.diag(H) if H.ndim == 1 else (H + H.T) / 2
    unit = np.sqrt(np.where(np.diag(H) > 0, np.diag(H), 1.0))
    H, q = H / unit / unit[:, None], q / unit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", scipy.linalg.LinAlgWarning)
            return scipy.linalg.solve(H, -q, assume_a="pos") / unit
    except (np.linalg.LinAlgError, scipy.linalg.LinAlgWarning):
        values, vectors = np.linalg.eigh(H)
    flat = np.abs(values) <= len(q) * np.finfo(float).eps * np.abs(values).max()
    along = vectors.T @ q
    if (values[~flat] < 0).any() or (np.abs(along[flat]) > 1e-10 * max(np.abs(q).max(), 1e-300)).any():
        raise ProblemError(
            f"The objective falls without end: its Hessian has the eigenvalue {values[0]:.3g}. Add an l2."
        )
    return vectors[:, ~flat] @ (-along[~flat] / values[~flat]) / unit


def _descend(value: Function, grad: Function, hessian: Function | None, x: np.ndarray, convex: bool) -> np.ndarray:
    """L-BFGS to a neighbourhood, unless Newton's method is safe from afar; and that to the rounding of the gradient."""
    first = np.abs(np.asarray(grad(x))).max(initial=0)
    if hessian is None or not convex:
        x = _lbfgs(value, grad, x)
    if hessian is not None:
        x = _newton(value, grad, hessian, x, 100 if convex else 5)
    left = np.abs(np.asarray(grad(x))).max(initial=0)
    if not left <= SMALL * max(1.0, first):
        warnings.warn(
            f"The centralised solver stopped where the gradient is still {left:.2g}: the loss is not smooth, "
            "falls without end, or is flat. The answer may not be a minimum.",
            stacklevel=5,
        )
    return x


def _newton(value: Function, grad: Function, hessian: Function, x: np.ndarray, steps: int) -> np.ndarray:
    """Newton's method with backtracking, until a step promises no more than the rounding of F: it is the last."""
    F, eps = float(value(x)), np.finfo(float).eps
    for _ in range(steps):
        g = np.asarray(grad(x))
        direction = _direction(np.asarray(hessian(x)), g)
        slope, step = g @ direction, 1.0
        while not (trial := float(value(x + step * direction))) <= F + 1e-4 * step * slope + 8 * eps * abs(F):
            step /= 2
            if step < 1e-12:
                return x
        x, F = x + step * direction, trial
        if -slope <= eps * abs(F):
            break
    return x


def _direction(H: np.ndarray, g: np.ndarray) -> np.ndarray:
    """−(H + τ diag H)⁻¹ g with the least τ tried that makes it positive definite (Levenberg 1944, Marquardt 1963)."""
    size = np.where(np.diag(H) == 0, 1.0, np.abs(np.diag(H)))
    for raised in (10.0**power for power in range(-14, 8)):
        try:
            factor = scipy.linalg.cho_factor(H + raised * np.diag(size))
        except np.linalg.LinAlgError:
            continue
        return -scipy.linalg.cho_solve(factor, g)
    return -g / size


def _lbfgs(value: Function, grad: Function, x: np.ndarray) -> np.ndarray:
    options = {"gtol": 1e-12, "ftol": 0.0, "maxiter": 2000, "maxfun": 4000, "maxcor": 30}
    return scipy.optimize.minimize(
        lambda x: (float(value(x)), np.asarray(grad(x), float)), x, jac=True, method="L-BFGS-B", options=options
    ).x
