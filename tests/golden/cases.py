"""The golden runs: each method as it is and as random as can be, and each runtime, channel, fault and aggregate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import accord
from accord import aggregation, attacks, channels, networks, runtimes
from accord.methods import METHODS
from tests.contract.conftest import ONE_A_CLASS
from tests.contract.knobs import noisy, sampling, settled
from tests.contract.worlds import world_of

# Two blocks of four rounds on every machine: how long a block is decides how it is compiled, and so the last bits.
SHORT = {"stop": accord.Stop(rounds=8, progress=0), "record": 4}
THREE = (accord.FedAvg, accord.GradientTracking, accord.DualDecomposition)  # a server, peers, prices
HASTY = (accord.AsyncSGD, accord.ASYSONATA, accord.RandomizedGossip)
CLOCK = accord.Clock(np.array([1.0, 1.3, 2.7, 0.8, 1.1, 1.9]))

PLACES: dict[str, Callable[[], Any]] = {
    "Vectorised(2)": lambda: runtimes.Vectorised(devices=2),
    "Streamed": lambda: runtimes.Streamed(),
    "Threads(2)": lambda: runtimes.Threads(workers=2),
    "Timed": lambda: runtimes.Timed(),
    "Ray(2)": lambda: runtimes.Ray(shards=2),
}
CHANNELS: dict[str, Callable[[], Any]] = {
    "clip and noise": lambda: accord.chain(accord.clip(1.0), accord.gaussian_noise(0.1)),
    "top_k": lambda: channels.top_k(1),
    "random_k": lambda: channels.random_k(2),
    "quantise": lambda: channels.quantise(4),
    "natural": lambda: channels.natural(),
    "sign": lambda: channels.sign(),
    "silence": lambda: channels.silence(0.3, 2),
    "error_feedback": lambda: channels.error_feedback(channels.top_k(1)),
    "changes": lambda: channels.changes(channels.quantise(4)),
}
NETWORKS: dict[str, Callable[[], Any]] = {
    "loses": lambda: networks.ring(6).lose(0.2),
    "sleeps": lambda: networks.ring(6).sleep(0.2),
    "is late": lambda: networks.ring(6).lazy().delay(1),
    "changes": lambda: networks.random_matchings(networks.complete(6), 4, seed=1),
    "is dense": lambda: networks.complete(6),
}
RULES: dict[str, Callable[[], Any]] = {
    "median": lambda: aggregation.Median(),
    "trimmed mean": lambda: aggregation.TrimmedMean(1),
    "geometric median": lambda: aggregation.GeometricMedian(),
    "krum": lambda: aggregation.krum(1),
    "centred clipping": lambda: aggregation.CenteredClipping(1.0),
    "nearest neighbours": lambda: aggregation.NearestNeighbourMixing(1, then=aggregation.Median()),
    "attacked": lambda: attacks.Attacked(aggregation.Median(), agents=(1,), by=attacks.sign_flip),
}


def cases() -> Iterator[tuple[str, Callable[[], accord.Run]]]:
    """Every golden run by its name, to be run when called."""
    for kind in METHODS:
        if kind in ONE_A_CLASS:
            yield f"{kind.__name__}, whole gradients", partial(_run, kind, settled(kind))
        yield f"{kind.__name__}, all that is random", partial(_run, kind, sampling(kind), **noisy(kind))
    for kind in THREE:
        for name, place in PLACES.items():
            yield f"{kind.__name__} in {name}", partial(_elsewhere, kind, place, **noisy(kind))
    for kind in HASTY:  # one worker: with several the order of events is that of the machine
        yield f"{kind.__name__} in Threads(1)", partial(_elsewhere, kind, lambda: runtimes.Threads(workers=1))
        yield f"{kind.__name__} on a clock", partial(_elsewhere, kind, lambda: runtimes.Timed(CLOCK))
    yield "FedAvg on a clock", partial(_elsewhere, accord.FedAvg, lambda: runtimes.Timed(CLOCK), participation=3)
    yield "GradientTracking on a clock", partial(_elsewhere, accord.GradientTracking, lambda: runtimes.Timed(CLOCK))
    yield from _variations()
    yield "a sweep", _swept
    yield "opaque agents", _opaque


def _variations() -> Iterator[tuple[str, Callable[[], accord.Run]]]:
    for name, channel in CHANNELS.items():
        yield f"GradientTracking by {name}", partial(_varied, accord.GradientTracking, "channel", channel)
        yield f"FedAvg by {name}", partial(_varied, accord.FedAvg, "channel", channel)
    for name, network in NETWORKS.items():
        yield f"DGD where the network {name}", partial(_varied, accord.DGD, "network", network)
    for name, rule in RULES.items():
        yield f"FedAvg with {name}", partial(_varied, accord.FedAvg, "aggregate", rule)


def _run(kind: Any, method: Any, **how: Any) -> accord.Run:
    return world_of(kind).run(method, **SHORT, **how)


def _elsewhere(kind: Any, place: Callable[[], Any], **how: Any) -> accord.Run:
    return _run(kind, sampling(kind), runtime=place(), **how)


def _varied(kind: Any, name: str, part: Callable[[], Any]) -> accord.Run:
    world, given = world_of(kind), {"network": world_of(kind).network, name: part()}
    return accord.run(world.problem(), sampling(kind), runtime=world.runtime, **SHORT, **given)


def _swept() -> accord.Run:
    world = world_of(accord.DGD)
    steps = [0.01, 0.02, 0.04]
    return accord.sweep(world.problem(), accord.DGD, network=world.network, **SHORT, step_size=steps)[1]


def _opaque() -> accord.Run:
    """Two agents in NumPy, ½ h (x − c)² each."""
    agent = lambda h, c: accord.Opaque(  # noqa: E731
        size=1, value=lambda x: float(0.5 * h * (x - c) @ (x - c)), grad=lambda x: h * (x - c)
    )
    problem = accord.Problem(None, [agent(1.0, 0.0), agent(3.0, 4.0)], x0=np.zeros(2))
    return accord.run(problem, accord.FedSGD(0.1), runtime=runtimes.Threads(workers=2), **SHORT)
