"""An agent that answers in NumPy only: PyTorch, scikit-learn, a solver, a person with a spreadsheet."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import AgentError, MethodError


@dataclass(frozen=True, eq=False, repr=False)
class Opaque:
    """Oracles of one agent as NumPy functions of a flat vector; what is left out, a method may not need.

    - `value(x) -> float` and `grad(x) -> (d,)`: of f_k; `sample_grad(x, seed, batch_size) -> (d,)`;
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
    size: int = 1

    def __repr__(self) -> str:
        """Its oracles by name, and its size."""
        return f"Opaque({', '.join(self.oracles)}, size={self.size})"

    @property
    def oracles(self) -> tuple[str, ...]:
        """The oracles it answers."""
        names = ("value", "grad", "sample_grad", "prox", "best_response")
        return tuple(name for name in names if getattr(self, name) is not None)


@dataclass(frozen=True)
class OpaqueAgent:
    """An `Opaque` with the face of an `Agent`: asked with JAX arrays, scaled as its weight wants."""

    opaque: Opaque
    scale: float
    share: Any = None
    number: int = 0

    @property
    def size(self) -> int:
        """How many examples stand behind it."""
        return self.opaque.size

    capacity = size
    complete = None

    def steps(self, count: Any) -> Any:
        """How many of so many local steps it gets done: all."""
        return count

    def in_own_shape(self) -> OpaqueAgent:
        """Itself: its decisions are flat."""
        return self

    def unflatten(self, x: Array) -> Array:
        """The vector as it is."""
        return x

    flatten = unflatten

    def _ask(self, oracle: str, x: Array, *more: Any) -> Array:
        try:
            answer = np.asarray(getattr(self.opaque, oracle)(np.array(x), *more))
        except Exception as error:
            raise AgentError(self.number, traceback.format_exc()) from error
        return jnp.asarray(answer.astype(x.dtype))

    def value(self, x: Array) -> Array:
        """f(x)."""
        return self.scale * self._ask("value", x)

    def grad(self, x: Array) -> Array:
        """∇f(x)."""
        return self.scale * self._ask("grad", x)

    def sample_grad(self, x: Array, key: Array, batch_size: int) -> Array:
        """A gradient over a sample, seeded."""
        return self.scale * self._ask("sample_grad", x, int(jax.random.bits(key)), batch_size)

    def prox(self, v: Array, penalty: Array | float) -> Array:
        """argmin f(x) + penalty/2 ‖x − v‖²."""
        return self._ask("prox", v, float(penalty) / self.scale)

    def best_response(self, price: Array, penalty: Any = 0.0, target: Array | None = None) -> Array:
        """argmin f(x) + λᵀA x; with a penalty, an opaque agent is not asked."""
        if target is not None:
            raise MethodError("An opaque agent answers plain prices only. Use DualDecomposition, which asks no more.")
        return self._ask("best_response", price)

    def stiffness(self) -> float:
        """0: its cost is not known."""
        return 0.0

    def contribution(self, x: Array) -> Array:
        """A x − b/K."""
        return self.share.taken(x) - self.share.b


@dataclass(frozen=True, eq=False)
class OpaqueAgents:
    """Several of them, as a stack is of other agents: `[k]` is the k-th, `[ks]` are some."""

    opaque: tuple[Opaque, ...]
    scale: Any  # (agents,)
    share: Any  # a Share with a leading axis of agents
    numbers: Any  # (agents,) what each is called among all

    axes = 0

    def __len__(self) -> int:
        return len(self.opaque)

    def __getitem__(self, k: Any) -> Any:
        share = jax.tree.map(lambda leaf: leaf[k], self.share)
        if np.ndim(k) == 0:
            return OpaqueAgent(self.opaque[int(k)], float(self.scale[k]), share, int(self.numbers[k]))
        some = np.minimum(np.asarray(k), len(self) - 1)
        return OpaqueAgents(tuple(self.opaque[i] for i in some), self.scale[some], share, self.numbers[some])
