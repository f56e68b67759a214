"""Losses that convolve: what XLA makes of them on a CPU, and how it makes it fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun

CONVOLUTION = "conv_general_dilated"


def convolves(function: Callable[..., Any], *arguments: Any) -> bool:
    """Return True where a function convolves, for arguments of these shapes.

    >>> import jax.numpy as jnp
    >>> convolves(lambda x: jnp.convolve(x, x), jnp.ones(3)), convolves(lambda x: x @ x, jnp.ones(3))
    (True, False)
    """
    return CONVOLUTION in _operations(jax.make_jaxpr(function)(*arguments).jaxpr)


def in_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, each convolution in it on axes in the order (batch, space, channel).

    In this order XLA's CPU backend calls a library. The gradient of a convolution is one in another order, which XLA
    would bring into this one outside loops only, and else compute entry by entry: a client's local steps took 4 times
    as long (benchmarks/neural.py; jax issue 12868).

    >>> import jax.numpy as jnp
    >>> bool(jnp.allclose(in_order(jax.grad(lambda x: jnp.convolve(x, x).sum()))(jnp.arange(3.0)), 6.0))
    True
    """

    def called(*arguments: Any) -> Any:
        traced, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        ordered = jaxpr_as_fun(_ordered(traced))(*jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(shape), ordered)

    return called


def _operations(jaxpr: Jaxpr) -> Iterator[str]:
    """The name of every operation, those within loops and branches too."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_program):
            if isinstance(inner, ClosedJaxpr | Jaxpr):
                yield from _operations(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)


def _is_program(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr | Jaxpr)


def _ordered(program: Any) -> Any:
    """A program with the convolutions in it in order; of anything else nothing changes."""
    if type(program) is tuple:  # branches
        return tuple(map(_ordered, program))
    if not isinstance(program, ClosedJaxpr):
        return program
    equations = [new for old in program.jaxpr.eqns for new in _rewritten(old)]
    return ClosedJaxpr(program.jaxpr.replace(eqns=equations), program.consts)


def _rewritten(equation: JaxprEqn) -> Iterator[JaxprEqn]:
    if equation.primitive.name != CONVOLUTION:
        yield equation.replace(params={name: _ordered(value) for name, value in equation.params.items()})
        return
    avals: list[Any] = [operand.aval for operand in equation.invars]
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    inner = jax.make_jaxpr(lambda x, w: _convolution(x, w, **equation.params))(*shapes).jaxpr
    outside = dict(zip((*inner.invars, *inner.outvars), (*equation.invars, *equation.outvars), strict=True))
    named = lambda variables: [outside.get(variable, variable) for variable in variables]  # noqa: E731
    yield from (one.replace(invars=named(one.invars), outvars=named(one.outvars)) for one in inner.eqns)


def _convolution(x: jax.Array, w: jax.Array, *, dimension_numbers: Any, **how: Any) -> jax.Array:
    """The same convolution between transposes."""
    batch, channel, *space = dimension_numbers.lhs_spec
    out, into, *window = dimension_numbers.rhs_spec
    last = len(space) + 1
    numbers = jax.lax.ConvDimensionNumbers(
        (0, last, *range(1, last)), (last, last - 1, *range(last - 1)), (0, last, *range(1, last))
    )
    ordered = jax.lax.conv_general_dilated_p.bind(
        jax.lax.transpose(x, (batch, *space, channel)),
        jax.lax.transpose(w, (*window, into, out)),
        dimension_numbers=numbers,
        **how,
    )
    first, second, *rest = dimension_numbers.out_spec
    places = dict(zip((first, *rest, second), range(last + 1), strict=True))  # where each axis of the result now is
    return jax.lax.transpose(ordered, [places[axis] for axis in range(last + 1)])
