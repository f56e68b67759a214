"""Programs that ask agents outside: compiled from one question to the next, and never within one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial, wraps
from typing import Any

import jax
import numpy as np
from jax.extend.core import JaxprEqn, Literal, Var

from accord.errors import MethodError
from accord.problems.opaque import Crowd, ask_p

PROGRAMS = 128
"""The number of programs kept, those last used: by the shapes of their arguments, whatever the agents are."""

CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint")
LOOPS = ("scan", "while", "cond")
"""Primitives within which agents outside can be asked."""

REMEDY = "Ask in plain code, or in lax.scan, lax.fori_loop, lax.while_loop or lax.cond."

_crowd: ContextVar[Crowd | None] = ContextVar("crowd", default=None)


@contextmanager
def asking(crowd: Crowd | None) -> Iterator[None]:
    """Ask these agents in `compiled` programs of this thread; None where all of them are JAX."""
    token = _crowd.set(crowd)
    try:
        yield
    finally:
        _crowd.reset(token)


def compiled(function: Callable[..., Any], static: tuple[str, ...] = ()) -> Callable[..., Any]:
    """`jax.jit`; of what asks agents outside, all that lies between two questions.

    - `static`: the names of arguments by keyword of which each value has a program of its own.
    """
    jitted = jax.jit(function, static_argnames=static)

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        crowd = _crowd.get()
        if crowd is None:
            return jitted(*given, **named)
        leaves, tree = jax.tree.flatten(given)
        shapes = tuple(map(_shape, leaves))
        program, answers = _traced(
            function, tree, shapes, tuple(sorted(named.items())), jax.dtypes.canonicalize_dtype(np.float64)
        )
        return jax.tree.unflatten(answers, program(crowd, leaves))

    return call


def _shape(leaf: Any) -> tuple[tuple[int, ...], Any]:
    return (leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else (np.shape(leaf), np.result_type(leaf))


@lru_cache(PROGRAMS)
def _traced(function: Callable[..., Any], tree: Any, shapes: Any, named: Any, _widest: Any) -> tuple[Program, Any]:
    """A function as a program, and the structure of its answer; a program is of one widest precision."""
    flat = lambda *leaves: function(*jax.tree.unflatten(tree, leaves), **dict(named))  # noqa: E731
    held = [(shape, jax.dtypes.canonicalize_dtype(dtype, allow_extended_dtype=True)) for shape, dtype in shapes]
    jaxpr, answer = jax.make_jaxpr(flat, return_shape=True)(*(jax.ShapeDtypeStruct(*one) for one in held))
    return Program(jaxpr), jax.tree.structure(answer)


class Program:
    """A jaxpr in stretches: what asks, one by one; what lies between two questions, compiled as one."""

    def __init__(self, closed: Any) -> None:
        self.jaxpr, self.consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
        self.stretches = list(_stretches(self.jaxpr))

    def __call__(self, crowd: Crowd, given: Sequence[Any]) -> list[Any]:
        """The answers to what is given, both as flat lists."""
        known: dict[Var, Any] = dict(zip(self.jaxpr.constvars, self.consts, strict=True))
        known |= zip(self.jaxpr.invars, given, strict=True)
        for needed, found, run in self.stretches:
            known |= zip(found, run(crowd, [known[one] for one in needed]), strict=True)
        return [one.val if isinstance(one, Literal) else known[one] for one in self.jaxpr.outvars]


Run = Callable[[Crowd, Sequence[Any]], Sequence[Any]]


def _stretches(jaxpr: Any) -> Iterator[tuple[list[Var], list[Var], Run]]:
    """Yield for each stretch what it needs, what it finds that is needed later, and how it is run."""
    groups: list[list[JaxprEqn]] = []
    for eqn in jaxpr.eqns:
        if _asks(eqn) or not groups or _asks(groups[-1][-1]):
            groups.append([])
        groups[-1].append(eqn)
    after: set[Var] = {one for one in jaxpr.outvars if not isinstance(one, Literal)}
    found: list[tuple[list[Var], list[Var], Run]] = []
    for group in reversed(groups):
        made = dict.fromkeys(var for eqn in group for var in eqn.outvars)
        read = dict.fromkeys(var for eqn in group for var in eqn.invars if not isinstance(var, Literal))
        needed, kept = [var for var in read if var not in made], [var for var in made if var in after]
        found.append((needed, kept, _run(group, needed, kept)))
        after = (after - set(made)) | set(needed)
    yield from reversed(found)


def _asks(eqn: JaxprEqn) -> bool:
    """Return True where agents are asked in an equation, or in a loop or a function that it stands for."""
    return eqn.primitive is ask_p or any(_asks(one) for body in _bodies(eqn) for one in body.eqns)


def _bodies(eqn: JaxprEqn) -> Iterator[Any]:
    """The programs that an equation stands for."""
    for value in eqn.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if hasattr(body := getattr(part, "jaxpr", part), "eqns"):
                yield body


def _run(group: list[JaxprEqn], needed: list[Var], kept: list[Var]) -> Run:
    if not _asks(group[0]):
        evaluate = jax.jit(partial(_evaluate, group, needed, kept))
        return lambda crowd, given: evaluate(*given)
    eqn, asked = group[0], _asking(group[0])

    def run(crowd: Crowd, given: Sequence[Any]) -> Sequence[Any]:
        values = dict(zip(needed, given, strict=True))
        found = asked(crowd, [one.val if isinstance(one, Literal) else values[one] for one in eqn.invars])
        return [value for var, value in zip(eqn.outvars, found, strict=True) if var in kept]

    return run


def _evaluate(group: list[JaxprEqn], needed: list[Var], kept: list[Var], *given: Any) -> list[Any]:
    values: dict[Any, Any] = dict(zip(needed, given, strict=True))
    for eqn in group:
        known = (one.val if isinstance(one, Literal) else values[one] for one in eqn.invars)
        found = eqn.primitive.bind(*known, **eqn.primitive.get_bind_params(eqn.params))
        values |= zip(eqn.outvars, found if eqn.primitive.multiple_results else [found], strict=True)
    return [values[var] for var in kept]


def _asking(eqn: JaxprEqn) -> Run:
    """Return the function that runs an equation that asks: the question itself, a function, or a loop."""
    params = eqn.params
    if eqn.primitive is ask_p:
        return lambda crowd, given: [crowd.answer(*given, **params)]
    match eqn.primitive.name:
        case name if name in CALLS:
            return Program(params.get("jaxpr", params.get("call_jaxpr")))
        case "scan":
            return _scan(eqn)
        case "while":
            return _while(
                Program(params["cond_jaxpr"]),
                Program(params["body_jaxpr"]),
                params["cond_nconsts"],
                params["body_nconsts"],
            )
        case "cond":
            branches = [Program(branch) for branch in params["branches"]]
            return lambda crowd, given: branches[int(given[0])](crowd, given[1:])
    raise MethodError(f"An opaque agent cannot be asked within a {eqn.primitive.name}. {REMEDY}")


def unanswerable(jaxpr: Any) -> str | None:
    """Name the first primitive of a program within which agents outside are asked and cannot be; None where all can."""
    for eqn in jaxpr.eqns:
        if eqn.primitive is ask_p or not _asks(eqn):
            continue
        if eqn.primitive.name not in (*CALLS, *LOOPS):
            return eqn.primitive.name
        if found := next(filter(None, map(unanswerable, _bodies(eqn))), None):
            return found
    return None


def _scan(eqn: JaxprEqn) -> Run:
    """A loop over rows: what is carried keeps its shape, and what is a row of something has one axis less within."""
    body, length, backwards = Program(eqn.params["jaxpr"]), eqn.params["length"], eqn.params["reverse"]
    same = lambda outer, inner: [one.aval.ndim == other.aval.ndim for one, other in zip(outer, inner, strict=True)]  # noqa: E731
    carried = sum(same(eqn.outvars, body.jaxpr.outvars))
    ends = sum(same(eqn.invars, body.jaxpr.invars))

    def run(crowd: Crowd, given: Sequence[Any]) -> Sequence[Any]:
        consts, carry, rows = given[: ends - carried], list(given[ends - carried : ends]), given[ends:]
        found: list[list[Any]] = []
        for i in reversed(range(length)) if backwards else range(length):
            after = body(crowd, [*consts, *carry, *(row[i] for row in rows)])
            carry = list(after[:carried])
            found.append(after[carried:])
        return [*carry, *(np.stack(column) for column in zip(*(reversed(found) if backwards else found)))]

    return run


def _while(going: Program, body: Program, of_going: int, of_body: int) -> Run:
    def run(crowd: Crowd, given: Sequence[Any]) -> Sequence[Any]:
        ends = of_going + of_body
        first, second, carry = given[:of_going], given[of_going:ends], list(given[ends:])
        while bool(going(crowd, [*first, *carry])[0]):
            carry = list(body(crowd, [*second, *carry]))
        return carry

    return run
