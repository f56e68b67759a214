"""The worlds in which every method lives: ragged, unequally weighted, heterogeneous, and solved by hand.

All of one pattern have the same shapes, so that one compiled program serves most of the suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

import accord
from accord.channels import GaussianNoise
from accord.methods.traits import is_coupled, pattern_of
from accord.networks import Network
from accord.problems.objectives import CostCurve, LeastSquares

ROWS = 6  # of the largest shard, which every other size divides, so that shards can be made equal by repetition
D = 3  # decisions
RIDGE = 2.0  # which bounds the curvature below, so that small steps arrive too
SHORT = accord.Stop(rounds=25, progress=0)
PACES = np.array([1.0, 1.3013, 2.7171, 0.8371, 1.1237, 1.9077])  # no two agents are ever done at once
QUIET = GaussianNoise(0.0)  # adds nothing, and is the program of a channel that does


class Answer(NamedTuple):
    """What the method should reach."""

    x: np.ndarray  # (D,), or (K, D) for prices
    prices: np.ndarray | None


@dataclass(frozen=True, eq=False)
class World:
    """Agents, and what stands between them: a server, a network, or a shared constraint."""

    shards: tuple[Any, ...]
    weights: np.ndarray | None
    network: Network | None = None
    A: np.ndarray | None = None
    b: np.ndarray | None = None
    loss: Any = field(default_factory=lambda: LeastSquares(RIDGE))
    x0: Any = None
    paces: np.ndarray | None = None  # seconds that each agent works, where nobody waits

    def problem(self) -> accord.Problem:
        if self.A is not None:
            return accord.Coupled(self.loss, self.shards, self.A, self.b)
        start = np.zeros(D, self.shards[0][0].dtype) if self.x0 is None else self.x0
        return accord.Problem(self.loss, self.shards, weights=self.weights, x0=start)

    def run(self, method: Any, **how: Any) -> accord.Run:
        how = {"stop": SHORT, "channel": QUIET, "runtime": self.runtime, **how}
        return accord.run(self.problem(), method, network=self.network, **how)

    @property
    def runtime(self) -> Any:
        if self.paces is None:
            return accord.runtimes.Vectorised(devices=1)
        return accord.runtimes.Timed(accord.Clock(self.paces), devices=1)

    @property
    def patience(self) -> int:
        """By how much longer a run has to be than where all agents work in a round."""
        return 1 if self.paces is None else len(self.shards)

    def permuted(self, order: Sequence[int]) -> World:
        """The same agents under other numbers."""
        order = list(order)
        pick = lambda values: None if values is None else values[order]  # noqa: E731
        network = None if self.network is None else Network("permuted", self.network.W[np.ix_(order, order)])
        shards = tuple(self.shards[k] for k in order)
        rest = {"weights": pick(self.weights), "A": pick(self.A), "paces": pick(self.paces)}
        return replace(self, shards=shards, network=network, **rest)

    def levelled(self) -> World:
        """Every shard ROWS long by repeating it whole, which leaves its mean as it was."""
        donor = self.shards[0]
        shards = [shard if len(shard[0]) else donor for shard in self.shards]  # who has none has weight zero
        return replace(self, shards=tuple(tuple(np.concatenate([v] * (ROWS // len(v))) for v in s) for s in shards))

    def in_float32(self) -> World:
        return replace(self, shards=tuple(tuple(v.astype(np.float32) for v in shard) for shard in self.shards))

    def nested(self) -> World:
        """The same decisions as a nested dict; its leaves, in order of their names, are the flat vector."""
        x0 = {"intercept": np.zeros(()), "slopes": {"age": np.zeros(1), "blood": np.zeros((1, 1))}}
        return replace(self, loss=Nested(self.loss), x0=x0)


@dataclass(frozen=True)
class Nested:
    """A loss of a nested dict that knows as much in closed form as the flat one."""

    flat: Any

    def __call__(self, params: Any, example: Any) -> Any:
        a, b = example
        slopes = params["slopes"]["age"][0] * a[1] + params["slopes"]["blood"][0, 0] * a[2]
        square = sum((leaf**2).sum() for leaf in (params["intercept"], *params["slopes"].values()))
        return 0.5 * (params["intercept"] * a[0] + slopes - b) ** 2 + 0.5 * RIDGE * square

    def quadratic(self, rows: Any, weights: Any) -> Any:
        return self.flat.quadratic(rows, weights)

    def bounds(self, rows: Any) -> Any:
        return self.flat.bounds(rows)


def world_of(kind: Any) -> World:
    """Where a method lives: by its pattern, and by what it asks of the mixing matrix."""
    method = kind()
    if is_coupled(method):
        return replace(_market(), network=accord.networks.ring(4) if pattern_of(method) == "peers" else None)
    paces = PACES if method.asynchronous else None
    match pattern_of(method):
        case "server":
            return replace(_hospitals(), paces=paces)
        case _:
            ring = accord.networks.ring(len(_hospitals().shards))
            agents = replace(_clinics() if method.convexity else _hospitals(), paces=paces)
            weigh = {"row stochastic": ring.pull, "column stochastic": ring.push}.get(method.weights, ring.metropolis)
            return replace(agents, network=weigh())


def answer_of(world: World) -> Answer:
    """The optimum, from the normal equations or from the conditions of Karush, Kuhn and Tucker."""
    if world.A is None:
        H, q = (np.stack(part) for part in zip(*map(quadratic_of, world.shards), strict=True))
        p = world.weights / world.weights.sum()
        return Answer(np.linalg.solve(np.einsum("k,kij->ij", p, H), p @ q), None)
    A = np.concatenate(list(world.A), 1)  # (m, K·D)
    curvature = np.concatenate([2 * c2.mean(0) for c2, _, _ in world.shards])
    slope = np.concatenate([c1.mean(0) for _, c1, _ in world.shards])
    prices = np.linalg.solve(A / curvature @ A.T, -(world.b + A / curvature @ slope))
    return Answer(-((slope + A.T @ prices) / curvature).reshape(len(world.shards), -1), prices)


def quadratic_of(shard: Any) -> tuple[np.ndarray, np.ndarray]:
    """(H, q) of an agent's f = ½xᵀHx − qᵀx + constant; nothing where it has no rows."""
    features, targets = shard
    if not len(targets):
        return np.zeros((D, D)), np.zeros(D)
    return features.T @ features / len(targets) + RIDGE * np.eye(D), features.T @ targets / len(targets)


def _hospitals() -> World:
    """Six agents, some with fewer rows than decisions, one of weight zero, one without a single row."""
    random = np.random.default_rng(2)
    shards = [(random.normal(size=(n, D)), random.normal(k, 1, n)) for k, n in enumerate((6, 2, 2, 6, 2, 0))]
    return World(tuple(shards), weights=np.array([1.0, 2.0, 3.0, 2.0, 0.0, 0.0]))


def _clinics() -> World:
    """The hospitals, and rows and a weight for everyone: for methods that need every f_k strongly convex."""
    random = np.random.default_rng(4)
    *others, _ = _hospitals().shards
    shards = (*others, (random.normal(size=(2, D)), random.normal(5, 1, 2)))
    return World(shards, weights=np.array([1.0, 2.0, 3.0, 2.0, 1.0, 1.0]))


def _market() -> World:
    """Four agents of three decisions each, under two shared constraints; a row is one of their mean costs."""
    random = np.random.default_rng(3)
    shards = [tuple(random.uniform(0.5, 1.5, (3, n, D))) for n in (6, 2, 2, 6)]
    return World(tuple(shards), None, A=random.normal(size=(4, 2, D)), b=np.array([1.0, -2.0]), loss=CostCurve())
