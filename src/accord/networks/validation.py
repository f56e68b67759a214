"""The requirements of a method on a network, checked before a run starts."""

from __future__ import annotations

import numpy as np

from accord.errors import NetworkError, UnknownName
from accord.networks.connectivity import components, describe
from accord.networks.network import TOLERANCE, Network, describe_one_way
from accord.networks.time_varying import NetworkSequence

_UNDIRECTED = "Use networks.metropolis(graph), or PushPull on directed graphs."
_REMEDIES = {
    "doubly stochastic": _UNDIRECTED,
    "symmetric": _UNDIRECTED,
    "row stochastic": "Use network.pull(), the weights for averaging what is heard.",
    "column stochastic": "Use network.push(), the weights of push-sum.",
}
_VANISHING = 1e-12  # a gap, or a link, below this is none in float64


def check(network: Network | NetworkSequence, weights: str, method: str, always: bool = False) -> None:
    """Refuse a network over which the method would not converge.

    `weights` is what the method asks of W: "doubly stochastic", "symmetric", "row stochastic" or "column stochastic";
    `method` is its name, for the message; `always` asks that each network of a cycle is connected, not only all of them
    together. Raises `NetworkError`, with the measured violation and the agent, where
    the network is cut off, one-way, not so stochastic, or swaps for ever.

    >>> from accord import networks
    >>> networks.check(networks.ring(5), "doubly stochastic", "GradientTracking")
    >>> networks.check(networks.from_weights([[0, 1], [1, 0]]), "symmetric", "DGD")
    Traceback (most recent call last):
    accord.errors.NetworkError: DGD needs a network that mixes, but σ = 1 and λ_min = -1: ...
    """
    if weights not in _REMEDIES:
        raise UnknownName("requirement on mixing weights", weights, _REMEDIES)
    if isinstance(network, NetworkSequence):
        for t, member in enumerate(network.members):
            _check_weights(member, weights, f"In round {t} of the cycle {method}")
            if always:
                _check_connected(member, f"In round {t} of the cycle {method}")
        _check_cycle(network, method)
    else:
        _check_weights(network, weights, method)
        _check_connected(network, method)
        _check_mixing(network, method)


def _check_weights(network: Network, weights: str, method: str) -> None:
    _check_both_ways(network, weights, method)
    _check_signs(network, weights, method)
    if weights != "column stochastic":
        _check_sums("row", network.row_sums, weights, method)
    if weights in ("doubly stochastic", "column stochastic"):
        _check_sums("column", network.column_sums, weights, method)
    if weights == "symmetric":
        _check_symmetric(network, method)


def _check_both_ways(network: Network, weights: str, method: str) -> None:
    balanced = weights == "doubly stochastic" and network.doubly_stochastic
    if network.directed and weights in ("doubly stochastic", "symmetric") and not balanced:
        raise NetworkError(
            f"{method} needs an undirected network with {weights} weights, but {describe_one_way(network)}. "
            f"Use networks.metropolis(graph.to_undirected()), or a push-sum method or PushPull on directed graphs."
        )


def _check_signs(network: Network, weights: str, method: str) -> None:
    links = network.edges
    own = network.W.diagonal()
    least = min(own.min(), links.weights.min(initial=0.0))
    meant = network.signed and weights in ("doubly stochastic", "symmetric")
    if least >= 0 or meant:
        return
    link = int(links.weights.argmin()) if least < own.min() else None
    k, j = (links.targets[link], links.sources[link]) if link is not None else (own.argmin(), own.argmin())
    raise NetworkError(
        f"{method} needs {weights} weights, but w[{k}, {j}] = {least:.6g} is negative. {_REMEDIES[weights]} "
        f"Where the sign is meant, as in the fastest mixing, say networks.from_weights(W, signed=True)."
    )


def _check_sums(line: str, sums: np.ndarray, weights: str, method: str) -> None:
    worst = int(np.abs(sums - 1).argmax())
    miss = sums[worst] - 1
    if abs(miss) > TOLERANCE:
        measured = f"{sums[worst]:.6g}" if abs(miss) > 1e-5 else f"1 {miss:+.1e}"
        raise NetworkError(
            f"{method} needs {weights} weights, but {line} {worst} sums to {measured}. {_REMEDIES[weights]}"
        )


def _check_symmetric(network: Network, method: str) -> None:
    if network.symmetric:
        return
    difference = abs(network.W - network.W.T)
    k, j = divmod(int(difference.argmax()), network.size)
    raise NetworkError(
        f"{method} needs symmetric weights, but w[{k}, {j}] = {network.W[k, j]:.6g} and w[{j}, {k}] = "
        f"{network.W[j, k]:.6g}. {_REMEDIES['symmetric']}"
    )


def _check_connected(network: Network, method: str) -> None:
    sources, targets, given = network.edges
    felt = np.abs(given) > _VANISHING
    parts = components(network.size, sources[felt], targets[felt])
    if len(parts) == 1:
        return
    alone = np.flatnonzero(network.degrees == 0)
    hears = f" Agent {alone[0]} hears nobody but itself." if len(alone) else ""
    raise NetworkError(
        f"{method} needs a connected network, so that what each agent knows reaches all, but {network.name} falls into "
        f"{describe(parts)}.{hears} Add links between them, or run each component by itself."
    )


def _check_mixing(network: Network, method: str) -> None:
    # Connected, with no negative weight and some agent that keeps a part of its own, W mixes (Perron and Frobenius).
    mixes = not network.signed and network.W.diagonal().max() > _VANISHING
    if not mixes and network.size > 1 and network.sigma >= 1 - _VANISHING:
        raise NetworkError(
            f"{method} needs a network that mixes, but σ = {network.sigma:.6g} and λ_min = {network.lambda_min:.6g}: "
            f"agents would swap what they hold for ever, or drift apart. Use network.lazy(), which is (I + W)/2, or "
            f"network.metropolis()."
        )


def _check_cycle(cycle: NetworkSequence, method: str) -> None:
    # Connected over the cycle, with no negative weight and all agents keeping a part of their own, the product mixes.
    keeping = min(float(member.W.diagonal().min()) for member in cycle.members)
    mixes = keeping > _VANISHING and not any(member.signed for member in cycle.members)
    if not mixes and cycle.size > 1 and cycle.sigma >= 1 - _VANISHING:
        raise NetworkError(
            f"{method} needs networks that mix over a cycle, but one cycle of {len(cycle.members)} rounds leaves "
            f"σ = {cycle.sigma:.6g}. Use lazy() members, (I + W)/2."
        )
