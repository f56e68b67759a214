"""A network: the links between agents, their weights, and how fast that mixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from accord.errors import NetworkError
from accord.networks import weights
from accord.networks.faults import NO_FAULTS, Faults, probability_of
from accord.networks.optimal_weights import fastest
from accord.networks.spectrum import DENSE_UP_TO, Sparse, Spectrum, spectrum
from accord.networks.weights import Links

if TYPE_CHECKING:
    import networkx as nx

TOLERANCE = 1e-8  # by how much a row or column may miss one: rounding, and nothing a person would write
LARGEST_PROGRAM = 100  # agents; a semidefinite program of this size takes about a minute


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """K agents and a mixing matrix W: after a round of averaging, agent k holds Σ_j w_kj x_j.

    Agent k receives from agent j where w_kj ≠ 0. `signed=True` states that negative weights are meant, as the fastest
    mixing may have them; only σ < 1 is asked of W then. W is (K, K): a NumPy array up to 2000 agents, a SciPy CSR array
    beyond. `group`, (n,) of a ring and (rows, columns) of a torus, states that w_kj depends on j − k only, which gives
    σ quickly. `agents`: what they are called, where they have names.
    Raises `NetworkError` where W is not square, or not finite.

    >>> from accord import networks
    >>> networks.ring(16)
    ring(16): 16 agents, 32 links; σ = 0.949253, λ_min = -0.333333, γ = 0.0380602; doubly stochastic
    """

    name: str
    W: np.ndarray | Sparse
    signed: bool = False
    faults: Faults = NO_FAULTS
    group: tuple[int, ...] = ()
    agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "W", weights.stored(self.W))

    def of(self, names: Sequence[str]) -> Network:
        """The network with its agents in this order, where it calls them by names.

        Agents of numbers stand where the nodes stand, the k-th at the k-th. Raises `NetworkError` where names differ.

        >>> from accord import networks
        >>> networks.from_edges([("b", "a"), ("b", "c")]).of(["a", "b", "c"]).neighbours(1)
        array([0, 2])
        """
        if not self.agents or tuple(names) == self.agents:
            return self
        strange = [name for name in self.agents if name not in set(names)]
        if len(strange) == self.size and list(names) == list(map(str, range(self.size))):
            return self
        if strange:
            raise NetworkError(
                f"The network's agents are called {', '.join(self.agents[:4])}, ..., the problem's "
                f"{', '.join(names[:4])}, ...: {strange[0]!r} is none of them. Give both the same "
                "names."
            )
        places = {name: place for place, name in enumerate(self.agents)}
        order = np.array([places[name] for name in names])
        return replace(self, W=self._csr[order][:, order], agents=tuple(names), group=())

    # the links

    @property
    def size(self) -> int:
        """K, the number of agents."""
        return self.W.shape[0]

    @cached_property
    def edges(self) -> Links:
        """The links as three arrays: sources j, targets k, weights w_kj; own weights are not among them."""
        from scipy.sparse import coo_array

        entries = coo_array(self.W)
        others = (entries.row != entries.col) & (entries.data != 0)
        sources, targets = entries.col[others].astype(np.int64), entries.row[others].astype(np.int64)
        return Links(sources, targets, entries.data[others])

    @property
    def links(self) -> int:
        """The number of directed links: what a round costs in messages."""
        return len(self.edges.sources)

    @cached_property
    def degrees(self) -> np.ndarray:
        """(K,) from how many neighbours each agent receives."""
        return np.bincount(self.edges.targets, minlength=self.size)

    def neighbours(self, agent: int) -> np.ndarray:
        """The agents from which `agent` receives, in order."""
        first, last = np.searchsorted(self.edges.targets, [agent, agent + 1])
        return self.edges.sources[first:last]

    @cached_property
    def one_way(self) -> Links:
        """The links without a link back; there are none in an undirected network."""
        sources, targets, _ = self.edges
        lonely = ~np.isin(targets * self.size + sources, sources * self.size + targets)
        return Links(*(part[lonely] for part in self.edges))

    @property
    def directed(self) -> bool:
        """True where some agent receives from another that does not receive from it."""
        return len(self.one_way.sources) > 0

    @cached_property
    def graph(self) -> nx.Graph:
        """The graph as networkx has it, with w_kj the `weight` of j → k; a DiGraph where direction matters."""
        import networkx as nx

        graph = nx.DiGraph(name=self.name) if self.directed or not self.symmetric else nx.Graph(name=self.name)
        graph.add_nodes_from(range(self.size))
        graph.add_weighted_edges_from(zip(*(part.tolist() for part in self.edges), strict=True))
        return graph

    # what the weights sum to

    @cached_property
    def row_sums(self) -> np.ndarray:
        """(K,) Σ_j w_kj: one each, or averaging does not keep agreement."""
        return np.asarray(self.W.sum(axis=1)).ravel()

    @cached_property
    def column_sums(self) -> np.ndarray:
        """(K,) Σ_k w_kj: one each, or averaging does not keep the average."""
        return np.asarray(self.W.sum(axis=0)).ravel()

    @cached_property
    def asymmetry(self) -> float:
        """max |w_kj − w_jk|."""
        return float(abs(self.W - self.W.T).max())

    @property
    def row_stochastic(self) -> bool:
        """True where every row sums to one, within 1e-8; the signs are not checked."""
        return bool(np.abs(self.row_sums - 1).max() <= TOLERANCE)

    @property
    def column_stochastic(self) -> bool:
        """True where every column sums to one, within 1e-8; the signs are not checked."""
        return bool(np.abs(self.column_sums - 1).max() <= TOLERANCE)

    @property
    def doubly_stochastic(self) -> bool:
        """True where rows and columns sum to one."""
        return self.row_stochastic and self.column_stochastic

    @property
    def symmetric(self) -> bool:
        """True where w_kj = w_jk, within 1e-8."""
        return self.asymmetry <= TOLERANCE

    # how fast it mixes

    @cached_property
    def spectrum(self) -> Spectrum:
        """λ₂, λ_min and σ; seconds at thousands of agents, and so computed when first asked for."""
        return spectrum(self.W, self.symmetric, self.group)

    @property
    def sigma(self) -> float:
        """σ = max(|λ₂|, |λ_min|): by how much a round of averaging shrinks disagreement at worst."""
        return self.spectrum.modulus

    @property
    def lambda_min(self) -> float:
        """The least eigenvalue of W; −1 where agents only swap what they hold."""
        return self.spectrum.least

    @property
    def gamma(self) -> float:
        """γ = λ₂(I − W) / λ_max(I − W), the eigengap: 1 where all are linked to all, 0 where agents are cut off."""
        if self.size == 1:
            return 1.0
        widest = 1 - self.spectrum.least
        return (1 - self.spectrum.second) / widest if widest > 0 else 0.0

    # other weights on the same graph

    def metropolis(self) -> Network:
        """The same graph with w_kj = 1 / (1 + max(d_k, d_j)) (Xiao, Boyd & Kim 2007)."""
        return self._reweighted("metropolis", weights.metropolis)

    def best_constant(self) -> Network:
        """The same graph with W = I − 2/(λ₂ + λ_max) Lap, the best single weight (Xiao & Boyd 2004)."""
        return self if self.links == 0 else self._reweighted("best_constant", weights.best_constant, signed=True)

    def fastest(self) -> Network:
        """The same graph with the symmetric W of least ‖W − 11ᵀ/K‖₂ (Xiao & Boyd 2004); needs the extra `cvxpy`.

        Up to 100 agents. Weights may come out negative; σ < 1 all the same where the network is connected.
        """
        if self.size > LARGEST_PROGRAM:
            raise NetworkError(
                f"fastest() solves a semidefinite program of up to {LARGEST_PROGRAM} agents, but {self.name} has "
                f"{self.size}. Use best_constant() or metropolis()."
            )
        return self if self.links == 0 else self._reweighted("fastest", fastest, signed=True)

    def push(self) -> Network:
        """The same graph with columns that sum to one: each agent splits what it has among its receivers."""
        return Network(
            f"{self.name}.push()", weights.push(self.size, self.edges.sources, self.edges.targets), agents=self.agents
        )

    def pull(self) -> Network:
        """The same graph with rows that sum to one: each agent averages what it receives and its own."""
        return Network(
            f"{self.name}.pull()", weights.pull(self.size, self.edges.sources, self.edges.targets), agents=self.agents
        )

    def lazy(self) -> Network:
        """(I + W)/2: half as fast where mixing is slow, and no eigenvalue below zero."""
        return Network(
            f"{self.name}.lazy()", weights.lazy(self._csr), self.signed, group=self.group, agents=self.agents
        )

    def without(self, agent: int) -> Network:
        """The network once `agent` has left: what was exchanged with it falls back on those who stay.

        Those after it move up by one number. Symmetric weights stay symmetric, and sums that were one stay one:
        columns, so that push-sum loses no mass, unless only the rows were. Chain `.metropolis()` for fresh weights.
        """
        if not 0 <= agent < self.size or self.size == 1:
            raise NetworkError(
                f"Agent {agent} cannot leave {self.name}, whose agents are 0 to {self.size - 1}; one must stay."
            )
        keep_columns = self.column_stochastic or not self.row_stochastic
        staying = self.agents[:agent] + self.agents[agent + 1 :]
        W = weights.without(self._csr, agent, keep_columns)
        return Network(f"{self.name}.without({agent})", W, self.signed, agents=staying)

    # what goes wrong on it

    def lose(self, chance: float) -> Network:
        """Every link fails with this chance in each round, in both directions: what is lost, both ends keep."""
        return self._impaired(lose=probability_of("lose", chance))

    def sleep(self, chance: float) -> Network:
        """Every agent sleeps with this chance in each round: it neither works, nor sends, nor receives."""
        return self._impaired(sleep=probability_of("sleep", chance))

    def delay(self, rounds: int) -> Network:
        """Delay the messages of all agents, their own too, by so many rounds."""
        if int(rounds) != rounds or rounds < 0:
            raise NetworkError(f"delay({rounds}): give a whole number of rounds that is not negative.")
        return self._impaired(delay=int(rounds))

    def _impaired(self, **faults: float) -> Network:
        words = ", ".join(f".{name}({value:g})" for name, value in faults.items())
        return replace(self, name=f"{self.name}{words}", faults=replace(self.faults, **faults))  # pyright: ignore[reportArgumentType]

    def _reweighted(self, rule: str, weigh: Callable[..., Sparse], signed: bool = False) -> Network:
        if self.directed:
            raise NetworkError(
                f"{rule}() gives symmetric weights, but in {self.name} {describe_one_way(self)}. Use push() or pull() "
                f"and a push-sum method, or make the graph undirected with networks.metropolis(graph.to_undirected())."
            )
        W = weigh(self.size, self.edges.sources, self.edges.targets)
        return Network(f"{self.name}.{rule}()", W, signed, group=self.group, agents=self.agents)

    @cached_property
    def _csr(self) -> Sparse:
        from scipy.sparse import csr_array

        return csr_array(self.W)

    def __repr__(self) -> str:
        told = f"{self.name}: {self.size} agents, {self.links} links; "
        if self.size <= DENSE_UP_TO or "spectrum" in self.__dict__:
            told += f"σ = {self.sigma:.6g}, λ_min = {self.lambda_min:.6g}, γ = {self.gamma:.6g}; "
        if self.doubly_stochastic:
            return told + "doubly stochastic"
        return told + ("row" if self.row_stochastic else "column" if self.column_stochastic else "not") + " stochastic"


def describe_one_way(network: Network) -> str:
    """The first link without a link back, in words, and how many there are."""
    source, target = network.one_way.sources[0], network.one_way.targets[0]
    count = len(network.one_way.sources)
    return f"agent {target} hears agent {source} but not the other way round ({count} one-way link{'s' * (count > 1)})"
