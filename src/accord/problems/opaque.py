"""An agent that answers in NumPy only: PyTorch, scikit-learn, a solver, a person with a spreadsheet."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching

from accord.core.pytrees import pytree
from accord.errors import AgentError, DataError, MethodError


@dataclass(frozen=True, eq=False, repr=False)
class Opaque:
    """Oracles of one agent as NumPy functions of a flat vector; what is left out, a method may not need.

    - `value(x) -> float` and `grad(x) -> (d,)`: of f_k; `sample_grad(x, seed, batch_size) -> (d,)`;
    - `hessian(x) -> (d, d)`: of f_k;
    - `prox(v, penalty) -> (d,)`: argmin f_k(x) + penalty/2 ‖x−v‖²;
    - `best_response(price) -> (d,)`: argmin f_k(x) + λᵀA_k x.
    - `size`: how many examples stand behind it (p_k is proportional to it by default).

    Methods meet the same oracles as a JAX agent's; only workers can run them, since nothing can be compiled.

    >>> ball = Opaque(value=lambda x: float(x @ x), grad=lambda x: 2 * x)
    >>> ball.oracles
    ('value', 'grad')
    """

    value: Callable[..., Any]
    grad: Callable[..., Any] | None = None
    sample_grad: Callable[..., Any] | None = None
    prox: Callable[..., Any] | None = None
    best_response: Callable[..., Any] | None = None
    hessian: Callable[..., Any] | None = None
    size: int = 1

    def __repr__(self) -> str:
        """Its oracles by name, and its size."""
        return f"Opaque({', '.join(self.oracles)}, size={self.size})"

    @property
    def oracles(self) -> tuple[str, ...]:
        """The oracles it answers."""
        names = ("value", "grad", "hessian", "sample_grad", "prox", "best_response")
        return tuple(name for name in names if getattr(self, name) is not None)


ask_p = Primitive("ask")
"""An oracle of agents outside, within a program: it cannot be compiled, and who runs the program asks them."""


@ask_p.def_abstract_eval
def _(k: Any, *_given: Any, shape: tuple[int, ...], dtype: Any, **_asked: Any) -> Any:
    return ShapedArray((*k.shape, *shape), dtype)


def _batched(values: Any, axes: Any, **asked: Any) -> tuple[Array, int]:
    """Several agents, or several points of one, are one question: everything has their axis in front."""
    count = next(value.shape[axis] for value, axis in zip(values, axes, strict=True) if axis is not None)
    spread = [
        jnp.broadcast_to(value, (count, *value.shape)) if axis is None else jnp.moveaxis(value, axis, 0)
        for value, axis in zip(values, axes, strict=True)
    ]
    return ask_p.bind(*spread, **asked), 0


batching.primitive_batchers[ask_p] = _batched


@dataclass(frozen=True, eq=False)
class Crowd:
    """Agents outside, who answer in turn: a worker asks its own, and several workers ask side by side."""

    opaque: tuple[Opaque, ...]
    numbers: tuple[int, ...]  # what each is called among all

    def answer(
        self, k: Any, *given: Any, oracle: str, static: tuple[Any, ...], shape: tuple[int, ...], dtype: Any
    ) -> np.ndarray:
        """Return the answers of the agents at the places `k`, of any shape, to what each is given."""
        ks = np.asarray(k)
        given = tuple(np.asarray(value) for value in given)
        answers = np.empty((*ks.shape, *shape), dtype)
        for place in np.ndindex(ks.shape):
            answers[place] = self._ask(int(ks[place]), oracle, [value[place] for value in given], static, shape)
        return answers

    def _ask(self, k: int, oracle: str, given: list[Any], static: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        own = [np.array(value) if value.ndim else value.item() for value in given]
        try:
            answer = np.asarray(getattr(self.opaque[k], oracle)(*own, *static))
            self._check(f"Agent {self.numbers[k]}'s {oracle}", answer, shape)
            return answer.reshape(shape)
        except Exception as error:
            raise AgentError(self.numbers[k], traceback.format_exc()) from error

    @staticmethod
    def _check(who: str, answer: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse an answer of another shape, of no real numbers, or of some that are not finite."""
        if answer.shape != shape and (answer.size, np.prod(shape)) != (1, 1):
            wanted = f"and a decision has {shape}" if shape else "and a loss is a single number"
            raise DataError(f"{who} answered the shape {answer.shape}, {wanted}. Return an array of that shape.")
        if answer.dtype.kind not in "fiu":
            raise DataError(f"{who} answered {answer.dtype}, and real numbers are asked. Return floats.")
        if bad := int(answer.size - np.isfinite(answer).sum()):
            raise DataError(
                f"{who} answered {bad} of {answer.size} numbers that are NaN or infinite. Give a smaller "
                "step size, or mend the oracle."
            )


@pytree
@dataclass(frozen=True)
class OpaqueAgent:
    """An `Opaque` with the face of an `Agent`, or several, stacked: a program asks by `ask_p`, and knows no more of it.

    - `k`: the place in its worker's `Crowd`. `scale`: as its weight wants. `share`: its part in a constraint.
    """

    k: Any
    scale: Any
    size: Any  # how many examples stand behind it
    share: Any = None

    axes: ClassVar = 0
    complete: ClassVar = None

    @classmethod
    def stacked(cls, opaque: tuple[Opaque, ...], scale: np.ndarray, share: Any) -> OpaqueAgent:
        """A worker's, with a leading axis of agents."""
        sizes = np.array([one.size for one in opaque], np.int32)
        return cls(np.arange(len(opaque), dtype=np.int32), scale, sizes, share)

    @property
    def capacity(self) -> Any:
        """The number of examples of the agent."""
        return self.size

    def steps(self, count: Any) -> Any:
        """Return how many of so many local steps it gets done: all."""
        return count

    def in_own_shape(self) -> OpaqueAgent:
        """Itself: its decisions are flat."""
        return self

    def unflatten(self, x: Array) -> Array:
        """The vector as it is."""
        return x

    flatten = unflatten

    def _ask(self, oracle: str, *given: Any, shape: tuple[int, ...], dtype: Any, static: tuple[Any, ...] = ()) -> Array:
        return ask_p.bind(jnp.asarray(self.k), *given, oracle=oracle, static=static, shape=shape, dtype=dtype)

    def value(self, x: Array) -> Array:
        """f(x)."""
        return self.scale * self._ask("value", x, shape=(), dtype=x.dtype)

    def grad(self, x: Array) -> Array:
        """∇f(x)."""
        return self.scale * self._ask("grad", x, shape=x.shape, dtype=x.dtype)

    def hessian(self, x: Array) -> Array:
        """∇²f(x)."""
        return self.scale * self._ask("hessian", x, shape=(x.size, x.size), dtype=x.dtype)

    def hvp(self, x: Array) -> Callable[[Array], Array]:
        """v ↦ ∇²f(x) v; it is asked once."""
        H = self.hessian(x)
        return lambda v: H @ v

    def sample_grad(self, x: Array, key: Array, batch_size: int) -> Array:
        """A gradient over a sample, seeded."""
        seed = jax.random.bits(key)
        return self.scale * self._ask("sample_grad", x, seed, shape=x.shape, dtype=x.dtype, static=(batch_size,))

    def prox(self, v: Array, penalty: Array | float) -> Array:
        """argmin f(x) + penalty/2 ‖x − v‖²."""
        own = jnp.asarray(penalty, v.dtype) / self.scale
        return self._ask("prox", v, own, shape=v.shape, dtype=v.dtype)

    def best_response(self, price: Array, penalty: Any = 0.0, target: Array | None = None) -> Array:
        """argmin f(x) + λᵀA x; with a penalty, an opaque agent is not asked."""
        if target is not None:
            raise MethodError("An opaque agent answers plain prices only. Use DualDecomposition, which asks no more.")
        return self._ask("best_response", price, shape=self.share.box.lower.shape, dtype=price.dtype)

    def stiffness(self) -> Array:
        """0: its cost is not known."""
        return jnp.zeros((), self.share.A.dtype)

    def contribution(self, x: Array) -> Array:
        """A x − b/K."""
        return self.share.apply(x) - self.share.b
