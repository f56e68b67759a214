"""Networks that change from round to round, in a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accord.errors import NetworkError
from accord.networks.connectivity import components, describe
from accord.networks.faults import Faults
from accord.networks.network import Network
from accord.networks.spectrum import Sparse, spectrum


@dataclass(frozen=True, eq=False, repr=False)
class NetworkSequence:
    """Networks of the same agents taken in turn: round t mixes over members[t mod T]."""

    members: tuple[Network, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise NetworkError("A sequence of networks needs at least one. Use networks.sequence([network, ...]).")
        for t, member in enumerate(self.members):
            if member.size != self.size:
                raise NetworkError(
                    f"A sequence of networks has the same agents in every round, but member {t} has {member.size} "
                    f"and member 0 has {self.size}. Give an absent agent a row with one on the diagonal."
                )
        together = [
            np.concatenate([getattr(member.edges, end) for member in self.members]) for end in ("sources", "targets")
        ]
        parts = components(self.size, *together)
        if len(parts) > 1:
            raise NetworkError(
                f"Over the {len(self.members)} rounds of the cycle the agents stay apart in {describe(parts)}. "
                f"Add a member that links them; one round may be disconnected, all rounds together may not."
            )

    def of(self, names: Sequence[str]) -> NetworkSequence:
        """The same with every member's agents in this order, where they have names."""
        return NetworkSequence(tuple(member.of(names) for member in self.members))

    @property
    def size(self) -> int:
        """K, the number of agents."""
        return self.members[0].size

    @property
    def name(self) -> str:
        """The name of the cycle."""
        return repr(self)

    @property
    def faults(self) -> Faults:
        """The faults of the first member, which hold for all."""
        return self.members[0].faults

    @property
    def links(self) -> float:
        """Directed links a round, on average over the cycle."""
        return sum(member.links for member in self.members) / len(self.members)

    @property
    def lambda_min(self) -> float:
        """The least eigenvalue of any member's W."""
        return min(member.lambda_min for member in self.members)

    @property
    def gamma(self) -> float:
        """1 − σ, in place of an eigengap, which only a single W has."""
        return 1 - self.sigma

    def lose(self, chance: float) -> NetworkSequence:
        """Let every link fail with this chance in each round; see `Network.lose`."""
        return NetworkSequence(tuple(member.lose(chance) for member in self.members))

    def sleep(self, chance: float) -> NetworkSequence:
        """Let every agent sleep with this chance in each round; see `Network.sleep`."""
        return NetworkSequence(tuple(member.sleep(chance) for member in self.members))

    def at(self, t: int) -> Network:
        """The network of round t."""
        return self.members[t % len(self.members)]

    def W_at(self, t: int) -> np.ndarray | Sparse:
        """The mixing matrix of round t."""
        return self.at(t).W

    @cached_property
    def sigma(self) -> float:
        """The mean factor a round by which the product of a cycle's matrices shrinks disagreement at worst."""
        product = self.members[0].W
        for member in self.members[1:]:
            product = member.W @ product
        cycle = spectrum(product, symmetric=False).modulus
        return cycle ** (1 / len(self.members))

    def __repr__(self) -> str:
        names = [member.name for member in self.members]
        return f"sequence of {len(names)}: " + (", ".join(names) if len(names) <= 4 else f"{names[0]}, ...")


def sequence(members: Sequence[Network]) -> NetworkSequence:
    """Networks taken in turn, over and over: round t mixes over members[t mod T].

    A member may be disconnected where all of them together connect every agent with every other (along the direction of
    the links). Raises `NetworkError` where they do not, or have different numbers of agents.

    >>> from accord import networks
    >>> pairs = networks.from_weights([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    >>> others = networks.from_weights([[1, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    >>> networks.sequence([pairs, others]).at(5) is others
    True
    """
    return NetworkSequence(tuple(members))
