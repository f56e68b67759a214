"""Where the border between one worker's agents and the others' runs in a network."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accord.engine.halo import Border

Workers = tuple[int, ...]


class Crossing(NamedTuple):
    """Which directed links cross the border of a worker's agents, and at whom they end."""

    leaving: np.ndarray
    coming: np.ndarray
    audience: Workers
    speakers: Workers


def border_of_agents(network: Any, owners: np.ndarray, worker: int) -> tuple[Border, Workers, Workers, np.ndarray]:
    """Where an agent says the same to all, one row an agent; who hears, who speaks, and all that are heard here."""
    members = getattr(network, "members", (network,))
    sources, targets = (np.concatenate([getattr(m.edges, end) for m in members]) for end in ("sources", "targets"))
    crossing, here = _crossing(owners, sources, targets, worker), np.flatnonzero(owners == worker)
    out = [np.unique(sources[crossing.leaving & (owners[targets] == other)]) for other in crossing.audience]
    come = [np.unique(sources[crossing.coming & (owners[sources] == other)]) for other in crossing.speakers]
    rows = np.concatenate([here, *come])
    order = np.argsort(rows, kind="stable")
    border = Border(tuple(np.searchsorted(here, ks) for ks in out), order)
    return border, crossing.audience, crossing.speakers, rows[order]


def border_of_words(network: Any, owners: np.ndarray, worker: int) -> tuple[Border, Workers, Workers]:
    """Where an agent has a word for each who hears it, one row an agent and place."""
    sources, targets, _ = network.edges
    crossing, here = _crossing(owners, sources, targets, worker), np.flatnonzero(owners == worker)
    at_speaker, at_listener = _rank(targets, sources), _rank(sources, targets)
    mine = (owners[sources] == worker) & (owners[targets] == worker)
    width = 1 + max(at_speaker[owners[sources] == worker], default=0)
    row = np.searchsorted(here, sources) * width + at_speaker  # of what is said here
    out = []
    for other in crossing.audience:
        links = _in_order(crossing.leaving & (owners[targets] == other), sources, targets)
        out.append(row[links])
    first = len(here) * width
    for other in crossing.speakers:
        links = _in_order(crossing.coming & (owners[sources] == other), sources, targets)
        row[links] = first + np.arange(len(links))
        first += len(links)
    heard = mine | crossing.coming
    order = np.zeros((len(here), 1 + max(at_listener[heard], default=0)), int)
    order[np.searchsorted(here, targets[heard]), at_listener[heard]] = row[heard]
    return Border(tuple(out), order), crossing.audience, crossing.speakers


def _crossing(owners: np.ndarray, sources: np.ndarray, targets: np.ndarray, worker: int) -> Crossing:
    here, there = owners[sources] == worker, owners[targets] == worker
    leaving, coming = here & ~there, there & ~here
    audience, speakers = (np.unique(owners[ends]).tolist() for ends in (targets[leaving], sources[coming]))
    return Crossing(leaving, coming, tuple(audience), tuple(speakers))


def _rank(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The place of each value among those of its group."""
    order = np.lexsort((values, groups))
    ranks = np.empty(len(values), int)
    ranks[order] = np.arange(len(values)) - np.searchsorted(groups[order], groups[order])
    return ranks


def _in_order(chosen: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The numbers of the links chosen, by speaker and listener: the same order at both ends."""
    links = np.flatnonzero(chosen)
    return links[np.lexsort((targets[links], sources[links]))]
