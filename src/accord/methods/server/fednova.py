"""FedNova: uneven local work is normalised before it is averaged."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Stepping
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    length: Array  # τ_eff, the mean over the rounds so far
    t: Array  # rounds so far


class Heard(NamedTuple):
    x: Array


class Reply(NamedTuple):
    d: Any  # normalised direction: what one step moved, on average
    length: Any  # ‖a_k‖₁, how many whole steps the local work is worth


@method
class FedNova:
    """d_k = (x − y_k)/‖a_k‖₁, x⁺ = x − τ_eff Σ p_k d_k with τ_eff = Σ p_k ‖a_k‖₁.

    ‖a_k‖₁ is τ_k, the local steps; under a pull m each later step forgets a part of the earlier ones, and it is
    [1 − (1−αm)^τ_k]/(αm) steps of α = a/(1 + am). τ_eff is the mean over the rounds before: were it that of the cohort
    whose d_k it multiplies, a client that works longer would count for more.

    - `local`: `SGD(epochs=...)`, whose steps differ with the size of a shard, or `GradientDescent`.
    - `penalty`: m of the pull m/2 ‖y − x‖², as in FedProx; None for none.

    It removes the inconsistency of uneven work, to O(aτ): what remains is FedAvg's floor under even work.

    >>> import accord, numpy as np
    >>> shards = [(np.ones((2, 1)), np.zeros(2)), (np.ones((20, 1)), np.ones(20))]  # ½x², ½(x−1)²
    >>> problem = accord.problems.least_squares(shards, weights=[1, 1])
    >>> method = FedNova(accord.SGD(epochs=1, batch_size=1, step_size=1e-3))
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=2000, progress=0)).x[0].round(6))
    0.497753

    Source: Wang, Liu, Liang, Joshi, Poor 2020, Tackling the objective inconsistency problem.
    """

    local: Stepping = SGD(epochs=1)
    penalty: float | None = None

    exact: ClassVar = "a floor of the order of the local steps' length, however unevenly the clients work"
    reference: ClassVar = "Wang et al. 2020, Tackling the objective inconsistency problem"
    serial: ClassVar = True

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((), x.dtype), jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        y = self.local(agent, heard.x, key, pull=self.penalty)
        length = jnp.asarray(self.local.count(agent), heard.x.dtype)
        if self.penalty is not None:
            pulled = self.local.step_size * self.penalty / (1 + self.local.step_size * self.penalty)
            length = (1 - (1 - pulled) ** length) / pulled
        return Reply((heard.x - y) / length, length), client

    def update(self, server: Server, reply: Reply) -> Server:
        length = server.length + (reply.length - server.length) / (server.t + 1)
        ahead = jnp.where(server.t == 0, length, server.length)
        return Server(server.x - ahead * reply.d, length, server.t + 1)

    def proposal(self, heard: Heard, reply: Reply, client: tuple[()]) -> Array:
        return heard.x - reply.length * reply.d

    def work(self, size: float) -> float:
        return self.local.work(size)
