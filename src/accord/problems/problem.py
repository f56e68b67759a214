"""The problem to solve: `Problem` minimises Σ p_k f_k(x); `Coupled` minimises Σ f_k(x_k) under a shared constraint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from accord.core.kinds import known_fields, printable
from accord.core.late import late
from accord.errors import ProblemError
from accord.problems.agent import Agent
from accord.problems.coupling import Coupling, coupling
from accord.problems.data import shards as data
from accord.problems.data.rows import Rows
from accord.problems.data.shape import Shape
from accord.problems.data.stored import Stored
from accord.problems.opaque import Opaque
from accord.problems.sufficient_statistics import Statistics, statistics_of
from accord.problems.weights import check_names, read_only, weights_of

ABOVE = {
    "from_table": "accord.problems.from_table:from_table",
    "solve": "accord.problems.centralised:solve",
}
"""The attributes of a problem that are built from problems in other modules."""


@known_fields
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Problem:
    """Minimise F(x) = Σ_k p_k f_k(x) + r(x), where f_k is the mean loss over agent k's own shard.

    - `loss(params, example) -> scalar`: any JAX function of a pytree of parameters.
    - `shards`: a list of pytrees of arrays with a leading example axis; sizes n_k may differ. Or `Opaque` agents. Or
      `Stored` shards, which are fetched when their agents are asked.
    - `weights`: p_k ≥ 0, one an agent or a dict by name, scaled to sum to one; proportional to n_k unless given.
    - `regularizer`: a proximable term r, of `accord.problems.regularizers`.
    - `x0`: where a run starts unless given otherwise; zeros for the ready-made problems.
    - `names`: what the agents are called in tables and messages; their numbers unless given.
    - `table`: the `Table` that the shards were made from, where it was one.

    Raises `DataError` (which agent, which field) and `ProblemError` (weights) at once, before anything runs.

    >>> import numpy as np
    >>> problem = Problem(lambda x, c: 0.5 * (x - c) ** 2, [np.array([0.0]), np.array([1.0, 2.0])], x0=0.0)
    >>> problem.K, problem.weights.round(3).tolist()
    (2, [0.333, 0.667])
    """

    loss: Callable[[Any, Any], Any]
    held: data.Held
    weights: np.ndarray
    regularizer: Any = None
    x0: Any = None
    names: tuple[str, ...] = ()
    coupling: Coupling | None = field(default=None, repr=False)
    table: Any = field(default=None, repr=False)

    def __init__(
        self,
        loss: Callable[[Any, Any], Any] | None,
        shards: Sequence[Any] | Stored,
        *,
        weights: Any = None,
        regularizer: Any = None,
        x0: Any = None,
        names: Sequence[str] | None = None,
        table: Any = None,
    ) -> None:
        stored = isinstance(shards, Stored)
        opaque = not stored and bool(shards) and all(isinstance(shard, Opaque) for shard in shards)
        checked = shards if stored else tuple(shards) if opaque else data.checked(shards)
        sizes = shards.sizes if stored else np.array([shard.size if opaque else data.size(shard) for shard in checked])
        names = shards.names if stored and names is None else names
        named = tuple(printable(str(name)) for name in (names if names is not None else range(len(checked))))
        if names is not None:
            check_names(named, len(checked))
        for name, value in (
            ("loss", loss),
            ("held", data.Held(checked)),
            ("weights", weights_of(weights, sizes, named)),
            ("regularizer", regularizer),
            ("x0", x0),
            ("names", named),
            ("coupling", None),
            ("table", table),
        ):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Names, sizes and shapes: rows are their agents' own."""
        return described(self)

    @property
    def shards(self) -> Any:
        """The agents' shards: a tuple, or `Stored`."""
        return self.held.shards

    @property
    def K(self) -> int:
        """The number of agents."""
        return len(self.shards)

    @cached_property
    def sizes(self) -> np.ndarray:
        """n_k, how many examples each agent has."""
        if self.stored:
            return self.shards.sizes
        return np.array([shard.size if self.opaque else data.size(shard) for shard in self.shards])

    @cached_property
    def rows(self) -> Rows:
        """All shards laid out as one. They become views of it: the data stay one copy."""
        if self.stored:
            raise ProblemError(
                "The shards are stored elsewhere, and here all of them are needed in memory. "
                "Use Problem(loss, list(shards)) where they fit."
            )
        return self.held.laid_out(self.sizes, even=self.coupling is not None)

    @cached_property
    def statistics(self) -> Statistics | None:
        """Sufficient statistics of all agents, where they do as well as rows, in double precision."""
        if self.stored or self.opaque or self.coupling is not None:
            return None
        return statistics_of(self.loss, self.shards, self.sizes)

    @property
    def opaque(self) -> bool:
        """True where agents answer in NumPy only, and so need a runtime of workers."""
        return not self.stored and isinstance(self.shards[0], Opaque)

    @property
    def stored(self) -> bool:
        """True where shards are stored elsewhere, and so need a runtime that fetches them."""
        return isinstance(self.shards, Stored)

    @property
    def panel(self) -> np.ndarray:
        """The agents over which the objective is recorded: all of them, unless their shards are stored elsewhere."""
        return self.shards.examined if self.stored else np.arange(self.K)

    def sample(self, count: int) -> Problem:
        """A few of the panel's agents by themselves, in memory."""
        ks = self.panel[:: -(-len(self.panel) // count)]
        shards = [self.shards[k] for k in ks.tolist()]
        return Problem(self.loss, shards, weights=self.weights[ks], regularizer=self.regularizer, x0=self.x0)

    @property
    def dtype(self) -> np.dtype:
        """The precision of the data: float64 if any of it is, else float32."""
        leaves = [] if self.opaque else jax.tree.leaves(self.shards.model if self.stored else self.shards)
        return (
            np.dtype("float32") if leaves and all(leaf.dtype != np.float64 for leaf in leaves) else np.dtype("float64")
        )

    def solve(self, x0: Any = None) -> Any:
        """The centralised answer, from all data at once: for comparison only. See `accord.problems.centralised`."""
        solve = late(ABOVE, "solve")
        if self.stored:
            raise ProblemError(
                "The shards are stored elsewhere, and the centralised answer needs all of them at once. "
                "Pool a part of them: problem.sample(100).solve()."
            )
        return solve(self, x0)

    @classmethod
    def from_table(cls, table: Any, **columns: Any) -> Problem:
        """One agent a group of rows of a DataFrame, a CSV or a Parquet file. See `accord.problems.from_table`."""
        from_table = late(ABOVE, "from_table")
        return from_table(table, **columns)


@known_fields
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Coupled(Problem):
    """Minimise Σ_k f_k(x_k) subject to Σ_k A_k x_k = b (or ≤ b) and lower ≤ x_k ≤ upper.

    - `loss`, `shards`: as in `Problem`; agent k's own cost of its own decision x_k, a vector of length d.
    - `A`: (K, m, d), or (K, d) for one constraint, or (K,) for one constraint on single numbers; `b`: (m,). With
      m = d > 1, an A of shape (K, d) is diagonal: row i is about decision i alone, the i-th hour or good.
    - `sense`: "==" or "<="; `lower`, `upper`: broadcast to (K, d).
    - `total`: (K,), what agent k's own decisions add up to; anything when not given.

    Prices λ have one sign everywhere: an agent is charged λ for a unit of A_k x_k, and answers argmin f_k + λᵀA_k x;
    λ = −dF*/db. What is scarce has a positive price: of a capacity, Σ use ≤ b; of a demand D that is met by Σ x = D,
    where the row is written −Σ x = −D, as `problems.dispatch` does.

    Raises `ProblemError` when shapes disagree or an agent's box is empty.

    >>> import numpy as np
    >>> market = Coupled(lambda x, a: (a * x**2).sum(), [np.ones(1), np.ones(1)], A=[1.0, 1.0], b=2.0)
    >>> market.coupling.A.shape
    (2, 1, 1)
    """

    def __init__(
        self,
        loss: Callable[[Any, Any], Any] | None,
        shards: Sequence[Any],
        A: Any,
        b: Any,
        *,
        sense: str = "==",
        lower: Any = None,
        upper: Any = None,
        total: Any = None,
        names: Sequence[str] | None = None,
    ) -> None:
        Problem.__init__(self, loss, shards, names=names, weights=np.ones(len(shards)))
        A = np.asarray(A, float)
        d = A.shape[-1] if A.ndim > 1 else 1
        object.__setattr__(
            self, "weights", read_only(np.ones(len(shards)))
        )  # a sum, not a mean: every agent counts once
        object.__setattr__(self, "x0", np.zeros(d, self.dtype))
        object.__setattr__(self, "coupling", coupling(A, b, sense, lower, upper, len(shards), d, total))


def stacked(problem: Problem, shape: Shape, scale: np.ndarray) -> Agent:
    """Stack all agents in one, for `vmap` along its `axes`, in the run's precision; still NumPy."""
    dtype = scale.dtype
    rows = replace(problem.rows, data=in_precision(problem.rows.data, dtype))
    share = None if problem.coupling is None else problem.coupling.shares(dtype)
    return Agent(problem.loss, shape, rows, scale, share, statistics=statistics_for(problem, dtype))


def statistics_for(problem: Problem, dtype: np.dtype) -> Statistics | None:
    """Give what all agents answer from in place of rows in a run of this precision; None where rows are needed."""
    return problem.statistics if dtype == np.float64 else None


def single(problem: Problem, shape: Shape, scale: np.ndarray, k: int) -> Agent:
    """Agent k alone, never padded: what a worker holds."""
    share = (
        None if problem.coupling is None else jax.tree.map(lambda leaf: leaf[k], problem.coupling.shares(scale.dtype))
    )
    rows = Rows(in_precision(data.nonempty(problem.shards, k, problem.sizes), scale.dtype), np.int32(problem.sizes[k]))
    return Agent(problem.loss, shape, rows, scale[k], share)


def in_precision(rows: Any, dtype: np.dtype) -> Any:
    """Floating fields in `dtype`, all others as they are; no copy where nothing changes."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype, copy=False) if leaf.dtype.kind == "f" else leaf, rows)


def check_precision(problem: Problem, dtype: np.dtype) -> None:
    """Refuse a problem whose numbers, or their squares, overflow in the precision of a run (FAULTS 7)."""
    if not (problem.opaque or problem.stored):
        data.check_range(problem.shards, dtype)
    if problem.coupling is not None:
        for name, values in (("A", problem.coupling.A), ("b", problem.coupling.b)):
            if (largest := np.abs(values).max()) > np.sqrt(np.finfo(dtype).max):
                raise ProblemError(
                    f"The coupling's {name} holds {largest:.3g}, whose square overflows {dtype}. "
                    "Start from a float64 x0, or change its unit."
                )


def described(problem: Problem) -> str:
    """A problem in one line, of which no row is seen."""
    sizes, names = problem.sizes, problem.names
    agents = f"{problem.K:,} agents ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
    if problem.opaque:
        rows = "opaque"
    else:
        model = problem.shards.model if problem.stored else problem.shards[int(np.argmax(sizes))]
        leaves = jax.tree_util.tree_leaves_with_path(model)
        shapes = ", ".join(f"{data.field(path)} {leaf.dtype}{list(leaf.shape[1:])}" for path, leaf in leaves)
        rows = f"{sizes.sum():,} examples of {shapes}, {sizes.min():,} to {sizes.max():,} an agent"
    loss = getattr(problem.loss, "__name__", None) or (type(problem.loss).__name__ if problem.loss else "own losses")
    term = f", {type(problem.regularizer).__name__}" if problem.regularizer is not None else ""
    if problem.coupling is not None:
        term = f", {len(problem.coupling.b)} shared rows {problem.coupling.sense}"
    return f"{type(problem).__name__}({loss}, {agents}: {rows}{term})"
