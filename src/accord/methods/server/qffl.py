"""q-fair federated learning: the more a client loses, the more it counts."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Stepping
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate


class Reply(NamedTuple):
    delta: Array  # Δ_k = f_k^q (x − y_k)/a
    h: Array  # h_k: how curved f_k^{q+1}/(q+1) is at most


@method
class QFFL:
    """Minimise Σ p_k f_k^{q+1}/(q+1): FedAvg at q = 0, the minimax at q → ∞. Losses must not be negative.

    Δ_k = f_k^q (x − y_k)/a, h_k = q f_k^{q−1} ‖(x − y_k)/a‖² + f_k^q/a, x⁺ = x − Σ p_k Δ_k / Σ p_k h_k.

    - `q`: how fair, ≥ 0. `local`: `GradientDescent` or `SGD`, of which y_k comes; exact with one whole step (q-FedSGD).

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0])
    >>> float(accord.run(problem, QFFL(q=1.0), stop=accord.Stop(rounds=300)).x.round(4))  # 3/(1+∛2)
    1.3275

    Source: Li, Sanjabi, Beirami, Smith 2020, Fair resource allocation in federated learning.
    """

    q: float = 1.0
    local: Stepping = GradientDescent(steps=1)

    name: ClassVar = "q_ffl"
    reference: ClassVar = "Li, Sanjabi, Beirami, Smith 2020, Fair resource allocation in federated learning"
    minimises: ClassVar = "Σ p_k f_k^{q+1}/(q+1)"
    sampled: ClassVar = "where Σ p_k Δ_k / Σ p_k h_k over a cohort is zero in the mean, which is off the optimum"
    may_be_zero: ClassVar = ("q",)
    serial: ClassVar = True

    @property
    def exact(self) -> bool | str:
        """Exact with one whole local step."""
        whole = self.local == GradientDescent(1, self.local.step_size)
        return True if whole else "a floor that grows with the local steps and the agents' differences"

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        a, f = self.local.step_size, jnp.maximum(agent.value(heard.x), jnp.finfo(heard.x.dtype).tiny)
        dw = (heard.x - self.local(agent, heard.x, key)) / a
        h = self.q * f ** (self.q - 1) * jnp.vdot(dw, dw) + f**self.q / a
        return Reply(f**self.q * dw, h), client

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(server.x - reply.delta / reply.h)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x  # what the clients send is scaled by their losses: all clients hold what was broadcast

    def work(self, size: float) -> float:
        return self.local.work(size)
