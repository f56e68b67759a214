"""The schedules of peers that wait for none: messages that stay until they are read, and calls between two."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.random import Purpose, key_for
from accord.engine.planning.plan import Plan
from accord.engine.rounds.edges import neighbourhood, places_back
from accord.networks.faults import NO_FAULTS

Words = Sequence[np.ndarray]
"""The leaves of messages, a row an agent."""


class MailboxScheduler:
    """Mailboxes: an idle agent activates, and reads the last message that each neighbour has sent to it."""

    acting = 1
    """Agents that act in a round."""

    def __init__(self, plan: Plan, first: Words) -> None:
        self.key, self.lose = jax.random.key(plan.seed), _lose(plan)
        self.neighbours, self.present = neighbourhood(plan)
        self.back = places_back(self.neighbours, self.present)
        self.box = [leaf.copy() for leaf in first]  # (K, places, ...) the receiver, and the sender's place
        self.sent, self.new = np.zeros(self.present.shape, int), np.zeros(self.present.shape, bool)
        self.late = np.zeros(3)  # how old what was read has been: the sum, the largest, and of how many wakings
        self.deliver(range(plan.problem.K), first, 0)

    def deliver(self, ks: Sequence[int], said: Words, t: int) -> None:
        """Deliver agents' messages to all their neighbours, but for those that are lost."""
        goes = self.present[ks]
        if self.lose:
            goes = goes & [_draw(self.key, t, k, many=goes.shape[1]) >= self.lose for k in ks]
        at = self.neighbours[ks][goes], self.back[ks][goes]
        for box, words in zip(self.box, said, strict=True):
            box[at] = words[goes]
        self.sent[at], self.new[at] = t, True

    def begin(self, idle: Sequence[int], rounds: int, t: int) -> list[int]:
        """Choose the agents that act, in at most so many rounds."""
        return list(idle[:rounds])

    def received(self, ks: Sequence[int], t: int) -> tuple[np.ndarray, ...]:
        """The last messages to agents, and which are new: they are read now."""
        new = self.new[ks]
        ages = np.where(new, t - self.sent[ks], 0).max(1, initial=0)
        self.late = np.array([self.late[0] + ages.sum(), max(self.late[1], ages.max()), self.late[2] + len(ks)])
        self.new[ks] = False
        return (*(box[ks] for box in self.box), new)

    def state(self) -> Any:
        """Return the whole state, for a checkpoint."""
        return [box.copy() for box in self.box], self.sent.copy(), self.new.copy(), self.late

    def restore(self, state: Any) -> None:
        """Continue from there."""
        box, self.sent, self.new, self.late = jax.tree.map(np.array, state)
        self.box = list(box)


class PairScheduler:
    """Pairwise gossip: an idle agent calls a neighbour and waits if that one is busy; each receives their difference.

    What the one gains the other loses, once both have acted; and until it has, neither meets another.
    """

    acting = 2
    """Agents that act in a round."""

    def __init__(self, plan: Plan, first: Words) -> None:
        self.key, self.lose = jax.random.key(plan.seed), _lose(plan)
        neighbours, present = neighbourhood(plan)
        there = zip(neighbours, present, strict=True)
        self.neighbours = [set(row[own].tolist()) or {k} for k, (row, own) in enumerate(there)]  # one alone, itself
        self.callers = [deque[int]() for _ in first[0]]  # of each agent, those who hold the line
        self.holding = set[int]()
        self.said = [leaf.copy() for leaf in first]  # (K, ...) what each agent sent last
        self.apart = [np.zeros_like(leaf) for leaf in first]  # (K, ...) the other's message less its own
        self.late = np.array([0.0, 0.0, 1.0])  # what is received in a call is never old

    def deliver(self, ks: Sequence[int], said: Words, t: int) -> None:
        """Store what the agents send now."""
        for old, new in zip(self.said, said, strict=True):
            old[ks] = new

    def begin(self, idle: Sequence[int], rounds: int, t: int) -> list[int]:
        """Choose the pairs that act, in at most so many rounds; in random order, or some would never come to call."""
        free, met = set(idle) - self.holding, list[int]()
        luck = {k: np.asarray(_draw(self.key, t, k, many=3)) for k in free}
        for k in sorted(free, key=lambda k: luck[k][0]):
            _, drawn, kept = luck[k]
            if k in free and len(met) < 2 * rounds and (j := self._other(k, free, drawn)) is not None:
                self._pair(k, j, kept >= self.lose)
                met += [k, j]
                free -= {k, j}
        return met

    def _other(self, k: int, free: set[int], drawn: float) -> int | None:
        """Return the caller that waits for agent k, or else a neighbour that waits for none, if it is free."""
        if self.callers[k]:
            j = self.callers[k].popleft()
            self.holding.remove(j)
            return j
        others = sorted(self.neighbours[k] - self.holding)
        j = others[int(drawn * len(others))] if others else None
        if j is not None and j not in free:
            self.callers[j].append(k)
            self.holding.add(k)
        return j if j in free else None

    def _pair(self, k: int, j: int, heard: bool) -> None:
        """A call that is lost changes nothing."""
        for said, apart in zip(self.said, self.apart, strict=True):
            apart[k] = heard * (said[j] - said[k])
            apart[j] = -apart[k]

    def received(self, ks: Sequence[int], t: int) -> tuple[np.ndarray, ...]:
        """Return what the agents have received from the agents that they met."""
        return tuple(apart[ks] for apart in self.apart)

    def state(self) -> Any:
        """Return all that lasts between two calls, for a checkpoint."""
        return [said.copy() for said in self.said]

    def restore(self, state: Any) -> None:
        """Continue from there, all agents idle."""
        self.said = [np.array(said) for said in state]
        self.callers, self.holding = [deque() for _ in self.callers], set()


def _lose(plan: Plan) -> float:
    return getattr(plan.network, "faults", NO_FAULTS).lose


@partial(jax.jit, static_argnames=("many",))
def _draw(key: Array, t: Array | int, k: Array | int, *, many: int) -> Array:
    return jax.random.uniform(key_for(key, t, k, Purpose.NETWORK), (many,), jnp.float32)
