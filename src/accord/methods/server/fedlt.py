"""Fed-LT: Peaceman-Rachford splitting with local training, exact however few its steps and whichever clients answer."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Local, Regularizer, Rule
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class Server(NamedTuple):
    z: Array  # Σ p_k z_k
    x: Array  # y in the paper: prox_{r/ρ}(z)


class Heard(NamedTuple):
    x: Array


class Client(NamedTuple):
    x: Array  # x_k, own model, from which local work goes on
    z: Array  # z_k


class Reply(NamedTuple):
    dz: Any  # z_k⁺ − z_k


@method
class FedLT:
    """x = prox_{r/ρ}(Σ p_k z_k); x_k ≈ argmin f_k(w) + ρ/2 ‖w − (2x − z_k)‖², from x_k; z_k⁺ = z_k + 2 (x_k − x).

    The server keeps Σ p_k z_k of all clients, of those too that did not answer.

    - `penalty`: ρ > 0; the geometric mean of the curvatures when not given. `regularizer`: r, taken from the problem.
    - `local`: `GradientDescent`, `SGD`, or `ProximalPoint()`, which solves for x_k exactly.

    Exact under full gradients, also when a cohort answers.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, FedLT(), stop=accord.Stop(rounds=300)).x.round(4))
    0.9091

    Source: Bastianello, Liu, Johansson 2024, Enhancing privacy in federated learning through local training.
    """

    penalty: float | None = None
    local: Local = GradientDescent(steps=10)
    regularizer: Regularizer | None = None

    aggregate: ClassVar = "sum"
    cohort: ClassVar = "alike"  # each keeps what it sent last, which ages where it is seldom asked
    reference: ClassVar = (
        "Bastianello, Liu, Johansson 2024, Enhancing privacy in federated learning through local training"
    )
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10)}
    serial: ClassVar = True

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return self.local.exact

    def init(self, x: Array) -> Server:
        return self._at(x)

    def _at(self, z: Array) -> Server:
        return Server(z, z if self.regularizer is None else self.regularizer.prox(z, 1 / self.penalty))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x, x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        v = 2 * heard.x - client.z
        aside = self.penalty * (client.x - v)  # local work starts at x_k and is pulled to v
        x = self.local(agent, client.x, key, shift=aside, pull=self.penalty)
        dz = 2 * (x - heard.x)
        return Reply(dz), Client(x, client.z + dz)

    def update(self, server: Server, reply: Reply) -> Server:
        return self._at(server.z + reply.dz)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return heard.x + reply.dz / 2

    def work(self, size: float) -> float:
        return self.local.work(size)
