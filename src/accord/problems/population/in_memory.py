"""Questions to every agent, and a count of the bytes of its answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.problems.agent import Agent
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, single

Question = Callable[..., Any]

WASTE = 4  # times the rows that there are: more padding than that is worth compiling for several sizes


class QueryCost(NamedTuple):
    """The bytes that one agent receives and sends of one kind, in all."""

    times: int = 0
    heard: int = 0  # bytes
    said: int = 0  # bytes


class Population:
    """Every agent of a problem, to be asked one question after another.

    - `apart`: ask one agent after the other, each with nothing but its own rows, as workers do; else those of about
      one size at once. The answers are the same.
    """

    def __init__(self, problem: Problem, apart: bool = False) -> None:
        self.shape, self.weights = Shape.of(problem.x0), problem.weights
        self.said: dict[str, QueryCost] = {}
        agents = [single(problem, self.shape, np.ones(problem.K), k) for k in range(problem.K)]
        self._groups = [([k], agent) for k, agent in enumerate(agents)] if apart else list(_alike(agents))
        self._ask = _alone if apart else _together

    def ask(self, question: Question, *heard: Any) -> Any:
        """The answers of all agents, with a leading axis of agents, in NumPy."""
        heard = tuple(map(np.asarray, heard))
        ks = np.concatenate([ks for ks, _ in self._groups])
        answers = [self._ask(question, len(heard))(agent, *heard) for _, agent in self._groups]
        found = jax.tree.map(lambda *parts: np.concatenate(parts)[np.argsort(ks)], *answers)
        words = (inspect.getdoc(question) or question.__name__).split("\n")[0].split(":")[0].rstrip(".")
        before = self.said.get(words, QueryCost())
        told = sum(leaf.nbytes // len(leaf) for leaf in jax.tree.leaves(found))
        self.said[words] = QueryCost(before.times + 1, before.heard + sum(v.nbytes for v in heard), before.said + told)
        return found

    def mean(self, question: Question, *heard: Any) -> Any:
        """Σ p_k of the answers, whatever weighs nothing left out."""
        asked = self.weights > 0
        answers = self.ask(question, *heard)
        return jax.tree.map(lambda leaf: np.tensordot(self.weights[asked], leaf[asked], 1), answers)


def _alike(agents: list[Agent]) -> Iterator[tuple[np.ndarray, Agent]]:
    """Group agents of about one size in one; what fills a shard up is masked by its size."""
    rooms = np.array([agent.capacity for agent in agents])
    if rooms.max() * len(rooms) <= WASTE * rooms.sum():
        rooms[:] = rooms.max()
    rooms = np.where(rooms < rooms.max(), 4 ** np.ceil(np.log(rooms) / np.log(4)), rooms).astype(int)
    for room in np.unique(rooms):
        ks = np.flatnonzero(rooms == room)
        filled = [_filled(agents[k], int(room)) for k in ks]
        yield ks, jax.tree.map(lambda *leaves: np.stack(leaves), *filled)


def _filled(agent: Agent, room: int) -> Agent:
    places = np.arange(room) % agent.capacity
    return replace(agent, rows=replace(agent.rows, data=jax.tree.map(lambda leaf: leaf[places], agent.rows.data)))


@cache
def _alone(question: Question, _: int) -> Question:
    return jax.jit(lambda *said: jax.tree.map(lambda leaf: leaf[None], question(*said)))


@cache
def _together(question: Question, heard: int) -> Question:
    return jax.jit(jax.vmap(question, (0, *[None] * heard)))
