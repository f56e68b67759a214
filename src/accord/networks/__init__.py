"""Networks: the links between agents, their weights, and how fast that mixes.

`networks.ring(20)` is ready to run on; `.metropolis()`, `.lazy()`, `.best_constant()` and `.fastest()` choose other
weights on the same graph, and `.sigma`, `.gamma`, `.lambda_min` measure what they do.
"""

from accord.networks.convert import from_adjacency, from_edges, from_networkx, from_weights, metropolis
from accord.networks.gossip_schedules import one_peer_exponential, random_matchings
from accord.networks.graphs import complete, exponential, grid, hypercube, path, ring, star, torus
from accord.networks.mobile import moving
from accord.networks.network import Network
from accord.networks.random_graphs import erdos_renyi, geometric
from accord.networks.time_varying import NetworkSequence, sequence
from accord.networks.validation import check

__all__ = [
    "Network",
    "NetworkSequence",
    "ring",
    "path",
    "star",
    "grid",
    "torus",
    "complete",
    "hypercube",
    "exponential",
    "erdos_renyi",
    "geometric",
    "from_networkx",
    "from_adjacency",
    "from_edges",
    "from_weights",
    "metropolis",
    "sequence",
    "random_matchings",
    "one_peer_exponential",
    "moving",
    "check",
]
