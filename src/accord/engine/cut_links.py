"""The links between one worker's agents and the others' in a network."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accord.engine.halo import Halo

Workers = tuple[int, ...]


class CutLinks(NamedTuple):
    """The directed links that cross the border of a worker's agents, and the workers at their ends."""

    outgoing: np.ndarray
    incoming: np.ndarray
    recipients: Workers
    senders: Workers


def halo_of_agents(network: Any, owners: np.ndarray, worker: int) -> tuple[Halo, Workers, Workers, np.ndarray]:
    """Build the halo where an agent sends the same to all, one row an agent; the receivers, the senders, and all agents
    that are received here."""
    members = getattr(network, "members", (network,))
    sources, targets = (np.concatenate([getattr(m.edges, end) for m in members]) for end in ("sources", "targets"))
    crossing, here = _crossing(owners, sources, targets, worker), np.flatnonzero(owners == worker)
    out = [np.unique(sources[crossing.outgoing & (owners[targets] == other)]) for other in crossing.recipients]
    come = [np.unique(sources[crossing.incoming & (owners[sources] == other)]) for other in crossing.senders]
    rows = np.concatenate([here, *come])
    order = np.argsort(rows, kind="stable")
    border = Halo(tuple(np.searchsorted(here, ks) for ks in out), order)
    return border, crossing.recipients, crossing.senders, rows[order]


def halo_of_messages(network: Any, owners: np.ndarray, worker: int) -> tuple[Halo, Workers, Workers]:
    """Build the halo where an agent has a message for each receiver, one row an agent and place."""
    sources, targets, _ = network.edges
    crossing, here = _crossing(owners, sources, targets, worker), np.flatnonzero(owners == worker)
    at_speaker, at_listener = _rank(targets, sources), _rank(sources, targets)
    mine = (owners[sources] == worker) & (owners[targets] == worker)
    width = 1 + max(at_speaker[owners[sources] == worker], default=0)
    row = np.searchsorted(here, sources) * width + at_speaker  # of what is sent here
    out = []
    for other in crossing.recipients:
        links = _in_order(crossing.outgoing & (owners[targets] == other), sources, targets)
        out.append(row[links])
    first = len(here) * width
    for other in crossing.senders:
        links = _in_order(crossing.incoming & (owners[sources] == other), sources, targets)
        row[links] = first + np.arange(len(links))
        first += len(links)
    heard = mine | crossing.incoming
    order = np.zeros((len(here), 1 + max(at_listener[heard], default=0)), int)
    order[np.searchsorted(here, targets[heard]), at_listener[heard]] = row[heard]
    return Halo(tuple(out), order), crossing.recipients, crossing.senders


def _crossing(owners: np.ndarray, sources: np.ndarray, targets: np.ndarray, worker: int) -> CutLinks:
    here, there = owners[sources] == worker, owners[targets] == worker
    leaving, coming = here & ~there, there & ~here
    audience, speakers = (np.unique(owners[ends]).tolist() for ends in (targets[leaving], sources[coming]))
    return CutLinks(leaving, coming, tuple(audience), tuple(speakers))


def _rank(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The place of each value among those of its group."""
    order = np.lexsort((values, groups))
    ranks = np.empty(len(values), int)
    ranks[order] = np.arange(len(values)) - np.searchsorted(groups[order], groups[order])
    return ranks


def _in_order(chosen: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The numbers of the links chosen, by sender and receiver: the same order at both ends."""
    links = np.flatnonzero(chosen)
    return links[np.lexsort((targets[links], sources[links]))]
