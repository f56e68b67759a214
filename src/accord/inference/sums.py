"""The one seam of inference: agents are asked a question, and their answers are added up. No row crosses it.

A question is a name out of a closed table, a design and arrays; an answer is arrays. Who asks has either Σ_k of the
answers (`total`) or each agent's own (`each`), and an account of rounds and bytes. In this process or on workers a
server adds; among peers the sums are reached by Chebyshev gossip, and texts and tables by flooding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from accord.errors import NetworkError
from accord.inference.design import Design

Reply = tuple[np.ndarray, ...]
ACCURACY = 1e-14
"""The factor by which gossip shrinks disagreement, unless another is given."""


class Population(Protocol):
    """The agents, who are asked and whose rows are not read."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the agents, in order."""
        ...

    def ask(self, query: str, design: Design, *sent: np.ndarray) -> Sequence[Reply]:
        """Return every agent's answer, in order."""
        ...


class Told(NamedTuple):
    """One exchange: what was asked, and what it cost."""

    query: str
    summed: bool  # whether who asked has the sum only
    numbers: int  # of one agent's answer
    bytes: int  # in all
    exchanges: int  # among neighbours; one opposite a server


@dataclass(frozen=True, eq=False)
class Sums:
    """Σ over agents, or each agent's own, of the answers to a question; `told` is the account of it.

    - `network`: peers on this graph, instead of a server. `accuracy`: by how much gossip shrinks disagreement.

    Raises `NetworkError` where the network is not for so many agents, or loses messages, or is directed.
    """

    population: Population
    network: Any = None
    accuracy: float = ACCURACY
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.network is not None:
            _check(self.network, len(self.population.names))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the agents."""
        return self.population.names

    def total(self, query: str, design: Design, *sent: np.ndarray) -> Reply:
        """Σ_k of the answers, field by field."""
        replies = self.population.ask(query, design, *sent)
        self._count(query, design, sent, replies, summed=True)
        fields = [np.stack(parts) for parts in zip(*replies, strict=True)]
        if self.network is None:
            return tuple(part.sum(0) for part in fields)
        flat = np.concatenate([part.reshape(len(replies), -1) for part in fields], 1)
        mine = len(replies) * gossip(self.network, flat, self._exchanges)[0]
        ends = np.cumsum([part[0].size for part in fields])[:-1]
        return tuple(own.reshape(part.shape[1:]) for own, part in zip(np.split(mine, ends), fields, strict=True))

    def each(self, query: str, design: Design, *sent: np.ndarray) -> list[Reply]:
        """Return every agent's answer; among peers each passes on what it has received, until all have all."""
        replies = list(self.population.ask(query, design, *sent))
        self._count(query, design, sent, replies, summed=False)
        return replies

    @property
    def rounds(self) -> int:
        """The number of times that every agent was asked."""
        return len(self.told)

    @property
    def bytes(self) -> int:
        """The bytes sent by all to all."""
        return sum(one.bytes for one in self.told)

    @property
    def account(self) -> pd.DataFrame:
        """The account of what left each agent: the question, how often, the numbers of an answer, and bytes in all."""
        frame = pd.DataFrame([one._asdict() for one in self.told])
        grouped = frame.groupby(["query", "summed", "numbers"], sort=False)
        table = pd.DataFrame(grouped.agg(times=("bytes", "size"), bytes=("bytes", "sum"))).reset_index()
        return table.loc[:, ["query", "times", "numbers", "bytes", "summed"]]

    @property
    def _exchanges(self) -> int:
        return exchanges(self.network.gamma, self.accuracy)

    def _count(self, query: str, design: Design, sent: Sequence[Any], replies: Sequence[Reply], summed: bool) -> None:
        sizes = [sum(np.asarray(part).nbytes for part in reply) for reply in replies]
        numbers = sum(np.asarray(part).size for part in replies[0])
        if self.network is None:
            asked = sum(np.asarray(part).nbytes for part in sent) + (0 if self.told else design.size)
            self.told.append(Told(query, summed, numbers, asked * len(replies) + sum(sizes), 1))
        elif summed:
            J = self._exchanges
            self.told.append(Told(query, summed, numbers, J * self.network.links * sizes[0], J))
        else:  # flooding: an answer crosses every link once
            self.told.append(Told(query, summed, numbers, self.network.links * sum(sizes), len(replies) - 1))


def exchanges(gamma: float, accuracy: float) -> int:
    """The least J with 1/T_J((1+γ)/(1−γ)) = 2c₁ᴶ/(1+c₁²ᴶ) ≤ accuracy, c₁ = (1−√γ)/(1+√γ).

    >>> exchanges(1.0, 1e-12), exchanges(0.5, 1e-12)
    (1, 17)
    """
    root = (1 - math.sqrt(gamma)) / (1 + math.sqrt(gamma))
    return 1 if root <= accuracy / 2 else math.ceil(math.log(accuracy / 2) / math.log(root))


def gossip(network: Any, v: np.ndarray, J: int) -> np.ndarray:
    """Chebyshev gossip, J exchanges: v⁺ = (1+ω_j) M v − ω_j v_old, M = I − c (I−W), c = 2/((1+γ) λ_max(I−W)).

    Every agent's own estimate of the mean of v, (K, m). The mean is kept. Source: Auzinger 2011; Scaman et al. 2017.
    """
    if len(v) == 1:
        return v
    W, gamma = network.W, network.gamma
    c1, c = (1 - math.sqrt(gamma)) / (1 + math.sqrt(gamma)), 2 / ((1 + gamma) * (1 - network.lambda_min))
    before = v
    for j in range(J):
        omega = c1**2 * (1 + c1 ** (2 * j - 2)) / (1 + c1 ** (2 * j + 2)) if j and c1 > 0 else 0.0
        mixed = v + c * (W @ v - v)
        v, before = mixed + omega * (mixed - before), v
    return v


def _check(network: Any, agents: int) -> None:
    if not hasattr(network, "W") or network.size != agents:
        size = f"{network.name} has {network.size}" if hasattr(network, "W") else "the network has no one W"
        raise NetworkError(f"There are {agents} agents, but {size}. Give a fixed network of {agents}.")
    if not network.symmetric or not network.doubly_stochastic or network.gamma <= 0:
        raise NetworkError(
            f"Sums by gossip need a connected network whose weights are symmetric and sum to one; {network.name} has "
            f"asymmetry {network.asymmetry:.2g} and gap {network.gamma:.2g}. Use networks.metropolis(graph)."
        )
    if network.faults.kinds:
        raise NetworkError(f"{network.name} loses or delays messages, but sums must arrive whole. Use it unimpaired.")
