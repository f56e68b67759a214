"""Networks: who hears whom, with what weight, and how fast that mixes.

`networks.ring(20)` is ready to run on; `.metropolis()`, `.lazy()`, `.best_constant()` and `.fastest()` choose other
weights on the same graph, and `.sigma`, `.gamma`, `.lambda_min` tell what they do.
"""

from accord.networks.drawn import erdos_renyi, geometric
from accord.networks.given import from_adjacency, from_edges, from_networkx, from_weights, metropolis
from accord.networks.graphs import complete, exponential, grid, hypercube, path, ring, star, torus
from accord.networks.matchings import one_peer_exponential, random_matchings
from accord.networks.motion import moving
from accord.networks.network import Network
from accord.networks.requirements import check
from accord.networks.time_varying import NetworkSequence, sequence

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
