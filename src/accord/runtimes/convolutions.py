"""Whether a loss convolves: of all that `vmap` does to a program, this it slows down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from accord.problems.problem import in_precision
from accord.runtimes.plan import Plan


def convolves(plan: Plan) -> bool:
    """Whether the loss has a convolution in it.

    `vmap` over agents that have a model each makes of a convolution one in as many groups as there are agents, which
    XLA computes several times slower than one after another (benchmarks/neural.py).

    >>> import accord, jax.numpy as jnp
    >>> from accord.checks import plan_for
    >>> def loss(x, row):
    ...     return jnp.vdot(jnp.convolve(row, x), row)
    >>> problem = accord.Problem(loss, [np.ones((2, 5))], x0=np.ones(1))
    >>> plan, _ = plan_for(problem, accord.FedSGD(0.1), None, None, None, None, None, None, 0, None)
    >>> convolves(plan)
    True
    """
    if plan.problem.opaque:
        return False
    row = in_precision(jax.tree.map(lambda leaf: leaf[:1], plan.problem.shards[0]), plan.dtype)
    example = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), row)
    params = plan.shape.unflatten(plan.x0)
    with jax.enable_x64(plan.dtype == np.float64):
        traced = jax.make_jaxpr(plan.problem.loss)(params, example)
    return "conv_general_dilated" in _primitives(traced.jaxpr)


def _primitives(jaxpr: Jaxpr) -> Iterator[str]:
    """The name of every operation, those within loops and branches too."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.tree.leaves(tuple(equation.params.values()), is_leaf=_is_program):
            if _is_program(inner):
                yield from _primitives(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)


def _is_program(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr | Jaxpr)
