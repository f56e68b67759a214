"""A run, ready to start: what `accord.run` has checked and every runtime is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from jax import Array

from accord.channels import Clear
from accord.core.stop_monitor import Seen, Watch
from accord.core.stopping import Stop
from accord.engine.planning.systematic_sampling import Design, designed, inclusion
from accord.methods.contracts import pattern_of, phases_of, weighs_oracles
from accord.problems.conv_layout import convolves
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, in_precision


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that fixes a run but where it happens."""

    problem: Problem
    method: Any
    shape: Shape
    x0: np.ndarray  # flat, in the run's precision
    network: Any  # None opposite a server
    channel: Any
    cohort: int  # clients a round; where nobody waits, clients at work at a time
    aggregate: Any  # None for the method's own
    stop: Stop
    seed: int
    every: int  # rounds between two records
    kept: int = 1  # of so many records one is kept in the history
    clock: Any = None  # a virtual clock, where one runs

    @property
    def heard(self) -> int:
        """How many clients are heard in a round: the cohort, or whoever is first."""
        return 1 if self.method.asynchronous else self.cohort

    @property
    def pattern(self) -> str:
        """ "server", "peers" or "prices"."""
        return pattern_of(self.method)

    @property
    def coupled(self) -> bool:
        """Whether agents share a constraint, so that each has a decision of its own and there are prices."""
        return self.problem.coupling is not None

    @property
    def dtype(self) -> np.dtype:
        """The precision of the run, which is that of x0."""
        return self.x0.dtype

    @property
    def in_turn(self) -> bool:
        """Whether agents are quicker one after another than all at once; those outside are asked together."""
        return not self.problem.opaque and (self.method.serial or self.convolves)

    @cached_property
    def convolves(self) -> bool:
        """Whether the loss convolves.

        Of convolutions by agents with a model each, `vmap` makes one in as many groups as there are agents, which XLA
        computes several times slower (benchmarks/neural.py).
        """
        if self.problem.opaque:
            return False
        shards = self.problem.shards
        one = shards.model if self.problem.stored else shards[0]
        example = in_precision(jax.tree.map(lambda leaf: np.zeros(leaf.shape[1:], leaf.dtype), one), self.dtype)
        return convolves(self.problem.loss, self.shape.unflatten(np.zeros_like(self.x0)), example)

    @property
    def weights(self) -> np.ndarray:
        """p_k, in the run's precision; ones for a coupled problem, whose costs are summed."""
        return self.problem.weights.astype(self.dtype)

    @cached_property
    def by_weight(self) -> bool:
        """Whether clients are drawn by weight: where weights differ, and the mean of their replies is what counts."""
        mean = self.pattern == "server" and self.method.cohort == "by weight" and self.aggregate in (None, "mean")
        return mean and not self.method.asynchronous and self.cohort < self.problem.K and np.ptp(self.weights) > 0

    @cached_property
    def chances(self) -> np.ndarray:
        """(K,) π_k, each client's chance to be in a cohort."""
        K = self.problem.K
        return inclusion(self.problem.weights, self.cohort) if self.by_weight else np.full(K, self.cohort / K)

    @cached_property
    def design(self) -> Design | None:
        """Of cohorts drawn by weight; None where all clients are as likely."""
        return designed(self.problem.weights, self.cohort, self.seed) if self.by_weight else None

    @property
    def counts(self) -> np.ndarray | None:
        """(K,) p_k/π_k, what a reply counts in the mean where it was drawn by weight."""
        return None if self.design is None else self.design.counts.astype(self.dtype)

    @property
    def delay(self) -> int:
        """Rounds that a word needs, among peers."""
        faults = getattr(self.network, "faults", None)
        return 0 if faults is None else faults.delay

    @property
    def floor(self) -> bool | str:
        """Whether the run comes to rest short of its optimum, or in words why: by its method, by noise, by losses."""
        method, local = self.method, getattr(self.method, "local", None)
        if method.exact is not True or (local is not None and local.exact is not True):
            return True
        draws = "sample_grad" in method.needs or "sample_grad" in getattr(local, "needs", ())
        impaired = getattr(self.network, "faults", None) is not None and bool(self.network.faults.kinds)
        heard = self.heard < self.problem.K and not method.asynchronous
        return draws or impaired or heard or callable(self.aggregate) or type(self.channel) is not Clear

    def watch(self) -> Watch:
        """An empty watch for this run."""
        return self.stop.watch(self.x0, prices=self.coupled, floor=bool(self.floor))

    @property
    def scale(self) -> np.ndarray:
        """What multiplies an agent's oracles: weights enter here, or in the aggregate."""
        K = self.problem.K
        return K * self.weights if weighs_oracles(self.method) else np.ones(K, self.dtype)


ALWAYS = 2**31 - 1
"""The round after which an agent was heard last that is heard in every round."""


class Record(NamedTuple):
    """What is measured of a run at one round; leading axis: the records."""

    objective: Any  # F(x̄), or Σ f_k(x_k) for prices
    disagreement: Any  # Σ p_k ‖x_k − x̄‖², or ‖Σ A_k x_k − b‖ (the positive part for ≤)
    worst: Any  # largest f_k
    dual_value: Any  # a lower bound on the optimum, for prices
    moved: Any  # Σ p_k ‖x_k − x0‖², or ‖b‖ + Σ ‖A_k x_k‖ for prices: by what disagreement is measured
    residual: Any = math.nan  # √ of the mean of Σ p_k ‖x_k⁺ − x_k‖² over the last rounds; of the price for prices
    clock: Any = None  # simulated seconds, where a clock runs
    staleness: Any = None  # the mean so far, where nobody waits
    stalest: Any = None  # the largest so far
    oldest: Any = ALWAYS  # the round after which the agent not heard for longest was heard last, where nobody waits

    @property
    def seen(self) -> Seen:
        """The part that a watch judges."""
        return Seen(self.objective, self.disagreement, self.dual_value, self.moved)


class Outcome(NamedTuple):
    """Where a run stands."""

    x: Any  # the answer, flat; (K, d) decisions for prices
    agents: Any  # (K, d), every agent's own
    prices: Any
    losses: Any  # f_k at the answer


class Session(Protocol):
    """A run at work in some runtime."""

    plan: Plan
    round: int
    watch: Watch
    verdict: int

    def advance(self, records: int, every: int) -> Record:
        """Record, then `every` rounds, `records` times; fewer when the watch says stop. `every` 0 records only."""
        ...

    def outcome(self) -> Outcome:
        """Where the run stands."""
        ...

    def state(self) -> Any:
        """All that a resumed run needs, as a pytree of NumPy arrays."""
        ...

    def restore(self, state: Any, round: int) -> None:
        """Go on from `state`, after `round` rounds."""
        ...

    def close(self) -> None:
        """Let go of workers and devices."""
        ...


class Purpose(IntEnum):
    """What a random key is for."""

    START = 0
    WORK = 1
    CHANNEL = 2
    COHORT = 3
    NETWORK = 4
    CLOCK = 5
    COMPLETENESS = 6


def key_for(key: Array, t: Array | int, k: Array | int, purpose: Purpose) -> Array:
    """The key of agent k at round t for one purpose: the same in every runtime, in no state and on no wire."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(key, t), k), int(purpose))


def keys_of_phase(keys: Array, phase: Any) -> Array:
    """The keys of a round's exchange, of one agent or of all: the plain ones for the first."""
    if isinstance(phase, int) and phase == 0:
        return keys
    fold = lambda key: jax.random.fold_in(key, phase)  # noqa: E731
    return fold(keys) if keys.ndim == 0 else jax.vmap(fold)(keys)


def asked_weights(method: Any) -> tuple[str, ...]:
    """Every requirement on mixing weights that a method states: one for all, or one a field or a part."""
    stated = [getattr(part, "weights", method.weights) for part in phases_of(method)]
    return tuple(sorted({word for one in stated for word in ((one,) if isinstance(one, str) else one)}))


def chosen(weights: dict[str, Any], part: Any, method: Any) -> Any:
    """The weights for a part's message: one for all fields, or a message of weights."""
    stated = getattr(part, "weights", method.weights)
    return weights[stated] if isinstance(stated, str) else type(stated)(*(weights[word] for word in stated))
