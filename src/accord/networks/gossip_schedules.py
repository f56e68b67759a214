"""Networks in which every agent meets at most one other a round: gossip."""

from __future__ import annotations

import math

import numpy as np

from accord.core.kinds import known_keywords
from accord.networks import weights
from accord.networks.graphs import count
from accord.networks.network import Network
from accord.networks.time_varying import NetworkSequence, sequence


@known_keywords
def random_matchings(network: Network, rounds: int = 100, seed: int = 0) -> NetworkSequence:
    """Randomised gossip: each round neighbours pair up at random, and both take their average; a cycle of `rounds`.

    The links are gone through in random order, and those whose two ends are still free fire: a maximal matching of the
    network's graph, symmetric and doubly stochastic. Raises `NetworkError` where so few rounds leave the agents apart.

    >>> from accord import networks
    >>> gossip = random_matchings(networks.ring(6), rounds=20, seed=1)
    >>> gossip.at(0).degrees.max().item() == 1, gossip.at(0).symmetric
    (True, True)

    Source: Boyd, Ghosh, Prabhakar, Shah 2006, Randomized gossip algorithms.
    """
    count(rounds, "random_matchings(network, rounds, seed), by its rounds,")
    random = np.random.default_rng(count(seed, "A seed", least=0))
    sources, targets, _ = network.edges
    links = np.unique(np.sort(np.stack([sources, targets], 1), axis=1), axis=0)
    return sequence(
        [_paired(f"matching {t} of {network.name}", network.size, random.permutation(links)) for t in range(rounds)]
    )


@known_keywords
def one_peer_exponential(n: int) -> NetworkSequence:
    """In round t agent k averages with what agent k + 2^t (mod n) sends: one message each, ⌈log₂ n⌉ rounds a cycle.

    Where n is a power of two, one cycle averages exactly, as a complete network does in one round. Doubly stochastic.

    >>> import numpy as np
    >>> cycle = one_peer_exponential(4)
    >>> (cycle.W_at(1) @ cycle.W_at(0)).tolist() == np.full((4, 4), 0.25).tolist()
    True

    Source: Assran et al. 2019; Ying et al. 2021, Exponential graph is provably efficient for deep training.
    """
    count(n, "one_peer_exponential(n)", least=2)
    agents, half = np.arange(n), np.full(n, 0.5)
    rounds = range(math.ceil(math.log2(n)))
    averaged = (weights.left_over_to_self(n, (agents + 2**t) % n, agents, half) for t in rounds)
    return sequence([Network(f"one_peer_exponential({n}), 2^{t} apart", W) for t, W in enumerate(averaged)])


def _paired(name: str, size: int, links: np.ndarray) -> Network:
    """The greedy matching in the order of `links`, each pair averaging."""
    partner = np.arange(size)
    for k, j in links.tolist():
        if partner[k] == k and partner[j] == j:
            partner[k], partner[j] = j, k
    agents = np.flatnonzero(partner != np.arange(size))
    return Network(name, weights.left_over_to_self(size, partner[agents], agents, np.full(len(agents), 0.5)))
