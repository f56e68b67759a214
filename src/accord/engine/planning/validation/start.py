"""The check at the door, of where a run starts: what x0 is, whether the loss takes it, and whether it is allowed."""

from __future__ import annotations

import re
import reprlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.core.kinds import shown
from accord.errors import ProblemError
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, in_precision


def start_at(problem: Problem, x0: Any) -> tuple[np.ndarray, Shape]:
    """x0 as a flat vector in the run's precision: that of its floating arrays, or of the data where it has none."""
    given = problem.x0 if x0 is None else x0
    if given is None:
        raise ProblemError(
            "This problem does not say where to start. Give x0, a pytree of parameters that the loss takes."
        )
    _are_numbers(given, problem.x0)
    leaves = jax.tree.leaves(given)
    floating = [kind for leaf in leaves if (kind := np.asarray(leaf).dtype).kind == "f" and hasattr(leaf, "dtype")]
    dtype = np.result_type(*floating) if floating else problem.dtype
    shape = Shape.of(given)
    flat = np.concatenate([np.ravel(np.asarray(leaf, dtype)) for leaf in leaves]) if leaves else np.zeros(0, dtype)
    if not np.isfinite(flat).all():
        raise ProblemError(
            f"x0 holds {int((~np.isfinite(flat)).sum())} numbers that are NaN or infinite. Start from finite numbers."
        )
    if problem.x0 is not None and Shape.of(problem.x0) != shape:
        raise ProblemError(
            f"x0 has the structure {shape.describe()}, but the problem's decisions are "
            f"{Shape.of(problem.x0).describe()}."
        )
    _loss_is_scalar(problem, shape, dtype)
    return flat, shape


def _loss_is_scalar(problem: Problem, shape: Shape, dtype: np.dtype) -> None:
    if problem.opaque:
        return
    first = problem.shards.model if problem.stored else problem.shards[0]
    first = in_precision(jax.tree.map(lambda leaf: leaf[:0], first), dtype)
    example = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), first)
    params = jax.tree.unflatten(shape.tree, [jax.ShapeDtypeStruct(leaf, dtype) for leaf in shape.leaves])
    with jax.enable_x64(dtype == np.float64):
        try:
            traced, value = _traced(problem.loss, params, example)
            again, _ = _traced(problem.loss, params, example)
        except Exception as error:
            raise ProblemError(
                f"The loss fails on x0 and one example of agent 0: {type(error).__name__}: {error}. "
                "It is called as loss(params, example), without the example "
                "axis."
            ) from error
    if jax.tree.leaves(value) != [value] or value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        found = ", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(value)) or "nothing"
        raise ProblemError(f"The loss returns {found}, but must return a single floating number for one example.")
    if not _same(traced, again):
        raise ProblemError(
            "The loss is another one each time it is called: it draws random numbers, or reads a clock. "
            "A compiled program would hold the first draw for ever. Put the draws into the shards, a "
            "number an example."
        )


def _traced(loss: Any, params: Any, example: Any) -> tuple[Any, Any]:
    """The loss of one example as JAX traces it now, whatever it was traced to before; and what it returns."""
    return jax.make_jaxpr(lambda params, example: loss(params, example), return_shape=True)(params, example)


def _same(one: Any, other: Any) -> bool:
    """Return True where two traces are of one function: the same operations, and the same numbers held in them."""
    words = [re.sub(r" at 0x[0-9a-f]+", "", str(traced)) for traced in (one, other)]
    return words[0] == words[1] and all(np.array_equal(a, b) for a, b in zip(one.consts, other.consts, strict=True))


def _are_numbers(x0: Any, own: Any) -> None:
    """Refuse, by its path, what is no real number, is of half precision, or is whole and so may be meant to be held."""
    floats = {path for path, leaf in jax.tree_util.tree_leaves_with_path(own) if np.asarray(leaf).dtype.kind == "f"}
    for path, leaf in jax.tree_util.tree_leaves_with_path(x0):
        where, dtype = f"x0{jax.tree_util.keystr(path)}", np.asarray(leaf).dtype
        if dtype.name in ("float16", "bfloat16"):
            raise ProblemError(
                f"{where} is {dtype.name}, in which sums over rows and rounds lose their digits. Start "
                "from float32, or float64."
            )
        if dtype.kind not in "fiub":
            raise ProblemError(
                f"{where} holds {shown(leaf)}, which is no real number. Give arrays of floating numbers."
            )
        if dtype.kind == "b" or (dtype.kind != "f" and path not in floats):
            raise ProblemError(
                f"{where} is {reprlib.repr(leaf)}, of the kind {dtype.name}, and only floating numbers "
                "are learnt. Write it as one, or, where it is to stay as it is, hold it in the loss and "
                "leave it out of x0."
            )


def starts_within(regularizer: Any, flat: np.ndarray) -> None:
    """Refuse to start where a term is infinite: F has no value there, and no progress could be measured from it."""
    if regularizer is None:
        return
    with jax.enable_x64(flat.dtype == np.float64):
        if not np.isfinite(regularizer.value(jnp.asarray(flat))):
            kind, nearest = type(regularizer).__name__, np.asarray(regularizer.prox(jnp.asarray(flat), 1.0))
            far = np.linalg.norm(nearest - flat)
            raise ProblemError(
                f"x0 lies outside the {kind}, {far:.3g} from its nearest point, and F(x0) is infinite. "
                f"Start from there: x0 = {reprlib.repr(nearest.tolist())}, which is "
                "regularizer.prox(x0, 1.0)."
            )
