"""A run, ready to start: what `accord.run` has checked and every runtime is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from accord.channels import Clear
from accord.core.stop_monitor import StopMonitor
from accord.core.stopping import Stop
from accord.engine.planning.systematic_sampling import Design, designed, inclusion
from accord.methods.traits import pattern_of, phases_of, weighs_oracles
from accord.problems.conv_layout import convolves
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, in_precision


@dataclass(frozen=True, eq=False)
class Plan:
    """A run without its runtime: everything that fixes the numbers, and not where they are computed."""

    problem: Problem
    method: Any
    shape: Shape
    x0: np.ndarray  # flat, in the run's precision
    network: Any  # None opposite a server
    channel: Any
    cohort: int  # clients a round; in asynchronous runs, clients at work at a time
    aggregate: Any  # None for the method's own
    stop: Stop
    seed: int
    every: int  # rounds between two records
    kept: int = 1  # of so many records one is kept in the history
    clock: Any = None  # a virtual clock, where one runs

    @property
    def heard(self) -> int:
        """The number of clients received from in a round: the cohort, or the first to reply."""
        return 1 if self.method.asynchronous else self.cohort

    @property
    def pattern(self) -> str:
        """ "server", "peers" or "prices"."""
        return pattern_of(self.method)

    @property
    def coupled(self) -> bool:
        """True where agents share a constraint, so that each has a decision of its own and there are prices."""
        return self.problem.coupling is not None

    @property
    def dtype(self) -> np.dtype:
        """The precision of the run, which is that of x0."""
        return self.x0.dtype

    @property
    def sequential(self) -> bool:
        """True where agents are quicker one after another than all at once; opaque agents are asked together."""
        return not self.problem.opaque and (self.method.serial or self.convolves)

    @cached_property
    def convolves(self) -> bool:
        """True where the loss convolves.

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
        """True where clients are drawn by weight: where weights differ, and the mean of replies is what counts."""
        mean = self.pattern == "server" and self.method.cohort == "by weight" and self.aggregate in (None, "mean")
        return mean and not self.method.asynchronous and self.cohort < self.problem.K and np.ptp(self.weights) > 0

    @cached_property
    def chances(self) -> np.ndarray:
        """(K,) π_k, each client's chance to be in a cohort."""
        K = self.problem.K
        return inclusion(self.problem.weights, self.cohort) if self.by_weight else np.full(K, self.cohort / K)

    @cached_property
    def design(self) -> Design | None:
        """The design of cohorts drawn by weight; None where all clients are as likely."""
        return designed(self.problem.weights, self.cohort, self.seed) if self.by_weight else None

    @property
    def counts(self) -> np.ndarray | None:
        """(K,) p_k/π_k, what a reply counts in the mean where it was drawn by weight."""
        return None if self.design is None else self.design.counts.astype(self.dtype)

    @property
    def delay(self) -> int:
        """Rounds that a message needs, among peers."""
        faults = getattr(self.network, "faults", None)
        return 0 if faults is None else faults.delay

    @property
    def floor(self) -> bool | str:
        """True where the run comes to rest short of its optimum, or the reason in words: method, noise, losses."""
        method, local = self.method, getattr(self.method, "local", None)
        if method.exact is not True or (local is not None and local.exact is not True):
            return True
        draws = "sample_grad" in method.needs or "sample_grad" in getattr(local, "needs", ())
        impaired = getattr(self.network, "faults", None) is not None and bool(self.network.faults.kinds)
        heard = self.heard < self.problem.K and not method.asynchronous
        return draws or impaired or heard or callable(self.aggregate) or type(self.channel) is not Clear

    def watch(self) -> StopMonitor:
        """An empty watch for this run."""
        return self.stop.watch(self.x0, prices=self.coupled, floor=bool(self.floor))

    @property
    def scale(self) -> np.ndarray:
        """The factors of the agents' oracles: weights enter here, or in the aggregate."""
        K = self.problem.K
        return K * self.weights if weighs_oracles(self.method) else np.ones(K, self.dtype)


ALWAYS = 2**31 - 1
"""The round after which an agent was received last that is received in every round."""


def required_weights(method: Any) -> tuple[str, ...]:
    """List the requirements on mixing weights that a method states: one for all, or one a field or a part."""
    stated = [getattr(part, "weights", method.weights) for part in phases_of(method)]
    return tuple(sorted({word for one in stated for word in ((one,) if isinstance(one, str) else one)}))


def selected_weights(weights: dict[str, Any], part: Any, method: Any) -> Any:
    """The weights for a part's message: one for all fields, or a message of weights."""
    stated = getattr(part, "weights", method.weights)
    return weights[stated] if isinstance(stated, str) else type(stated)(*(weights[word] for word in stated))
