"""The faults of a network, and the weights with which a run mixes in each round.

One semantics, named and kept everywhere: a link that fails carries nothing in either direction for the round, a
sleeping agent's links all do, and the weight of what was not received falls back on the agents at both ends. With
symmetric W the network average is then preserved exactly. A delay of d rounds mixes what was sent d rounds ago, by
all, the agent itself too, which preserves the average as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.pytrees import pytree
from accord.errors import NetworkError
from accord.networks.mixing import Weights, crowded, mixing_weights


@dataclass(frozen=True)
class Faults:
    """Chances a round, and rounds: what `network.lose(p)`, `.sleep(p)` and `.delay(rounds)` set."""

    lose: float = 0.0
    sleep: float = 0.0
    delay: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """The faults in force, which a method must bear."""
        return tuple(name for name in ("lose", "sleep", "delay") if getattr(self, name))


NO_FAULTS = Faults()


@pytree
@dataclass(frozen=True)
class Mixer:
    """The weights of every round: of a cycle of networks, less the links that fail."""

    flows: Any  # requirement -> weights, stacked over the cycle
    ends: Any  # None, or (E, 2) the agents of every link, where links can fail
    lose: Any
    sleep: Any
    agents: int = field(metadata={"static": True})
    period: int = field(metadata={"static": True})
    sleepy: bool = field(metadata={"static": True})

    def at(self, t: Array | int, key: Array) -> dict[str, Weights]:
        """The weights of round t, by what a method asks of them."""
        flows = self.flows
        if self.period > 1:
            flows = jax.tree.map(lambda leaf: leaf[t % self.period], flows)
        if self.ends is None:
            return flows
        alive = jax.random.uniform(jax.random.fold_in(key, 0), (len(self.ends),), jnp.float32) >= self.lose
        if self.sleepy:
            awake = self.awake(key)
            alive = alive & awake[self.ends[:, 0]] & awake[self.ends[:, 1]]
        return {asked: weights.over(alive) for asked, weights in flows.items()}

    def awake(self, key: Array) -> Array:
        """(K,) who is awake this round."""
        return jax.random.uniform(jax.random.fold_in(key, 1), (self.agents,), jnp.float32) >= self.sleep


def mixer(
    network: Any,
    asked: tuple[str, ...],
    dtype: Any,
    agents: np.ndarray | None = None,
    heard: np.ndarray | None = None,
    *,
    lists: bool = False,
) -> Mixer:
    """Build the mixer of a run over `network`; for a worker, of its `agents` as rows and those `heard` as columns."""
    members = getattr(network, "members", (network,))
    faults: Faults = getattr(network, "faults", Faults())
    links = (
        np.unique(np.concatenate([_links(member) for member in members]), axis=0)
        if faults.lose or faults.sleep
        else None
    )
    everyone = np.arange(network.size)
    heard = everyone if heard is None else heard
    rows = None if agents is None else np.searchsorted(heard, agents)
    place = None if links is None else _placed(links, heard)
    flows = {}
    for requirement in asked:
        matrices = [_only(weighted(member, requirement).W, heard) for member in members]
        dense = None if len(members) == 1 else any(crowded(W) for W in matrices)  # a cycle's are alike, to be stacked
        how = {"columns": requirement == "column stochastic", "links": place, "whole": lists}
        stack = [mixing_weights(W, dtype, rows, dense=False if lists else dense, **how) for W in matrices]
        if links is not None:
            number = np.flatnonzero(np.isin(links, heard).all(1))
            stack = [_renumbered(weights, number) for weights in stack]
        flows[requirement] = stack[0] if len(stack) == 1 else jax.tree.map(_piled, *stack)
    chances = (np.float32(faults.lose), np.float32(faults.sleep))
    return Mixer(flows, links, *chances, network.size, len(members), faults.sleep > 0)


def _piled(*leaves: np.ndarray) -> np.ndarray:
    """A leaf of every network of a cycle; where they differ in neighbours, the shorter lists end in weights of zero."""
    most = np.max([leaf.shape for leaf in leaves], axis=0)
    return np.stack([np.pad(leaf, [(0, n - m) for n, m in zip(most, leaf.shape, strict=True)]) for leaf in leaves])


def _links(network: Any) -> np.ndarray:
    sources, targets, _ = network.edges
    return np.stack([np.minimum(sources, targets), np.maximum(sources, targets)], 1)


def weighted(network: Any, requirement: str) -> Any:
    """The network with the weights a method asks for, where its own are not such and such can be had."""
    if hasattr(network, "members"):
        return replace(network, members=tuple(weighted(member, requirement) for member in network.members))
    if requirement == "row stochastic" and not network.row_stochastic:
        return network.pull()
    if requirement == "column stochastic" and not network.column_stochastic:
        return network.push()
    return network


def _only(W: Any, heard: np.ndarray) -> Any:
    if len(heard) == W.shape[0]:
        return W
    return W[np.ix_(heard, heard)] if isinstance(W, np.ndarray) else W[heard][:, heard]


def _placed(links: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The links between those received, by their places in the pile."""
    return np.searchsorted(heard, links[np.isin(links, heard).all(1)])


def _renumbered(weights: Weights, number: np.ndarray) -> Weights:
    """Link numbers of the whole network in place of the shard's own."""
    given = None if weights.given_link is None else number[weights.given_link].astype(np.int32)
    return replace(weights, link=number[weights.link].astype(np.int32), given_link=given)


def probability_of(fault: str, chance: float) -> float:
    """Refuse a probability of a fault that is none, or one."""
    if not 0 <= chance < 1:
        raise NetworkError(
            f"{fault}({chance}): give a chance of at least 0 and below 1; at 1 nobody would ever be heard."
        )
    return float(chance)
