"""FedPer: a model of which every client keeps some parts to itself."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Local
from accord.methods.shared.local import SGD
from accord.methods.shared.split_vector import joined, left, taken
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # the shared parts u, and x0 in the places of the others


class Heard(NamedTuple):
    u: Array  # the shared parts


class Client(NamedTuple):
    v: Array  # its own parts, which never leave it


class Reply(NamedTuple):
    delta: Array  # what local work changed of u


@method
class FedPer:
    """(u_k, v_k⁺) = local work from (u, v_k); u⁺ = u + Σ p_k (u_k − u): `FedAvg` of some parts; others stay at home.

    It minimises Σ p_k f_k(u, v_k) over what is shared and over each client's own: `objective` and `worst` are of
    each client's own model, `Run.agents`. `Run.x` has x0 in the places of the personal parts, and no more. The
    disagreement is that of what clients would make of u. With nothing personal it is `FedAvg`; with everything personal
    each client solves its own problem, alone.

    - `personal`: names of the decision's parts, e.g. `("head",)`, or `"layers.2.bias"` further down; of a table's model
      its columns, e.g. `("intercept",)`; or ranges of places (first, end) in the flat vector, where nothing has a name.
    - `local`: `SGD` or `GradientDescent`. With one gradient step both minimise together, to the optimum.

    >>> import accord, numpy as np
    >>> loss = lambda x, row: (x["body"] + x["head"] - row[0]) ** 2 + (x["head"] - row[1]) ** 2
    >>> shards, start = [np.array([[1.0, 0.0]]), np.array([[5.0, 2.0]])], {"body": 0.0, "head": 0.0}
    >>> problem = accord.Problem(loss, shards, x0=start)
    >>> method = FedPer(personal=("head",), local=accord.GradientDescent(steps=1))
    >>> run = accord.run(problem, method, stop=accord.Stop(rounds=300))
    >>> [(float(x["body"].round(4)), float(x["head"].round(4))) for x in run.agents]
    [(2.0, -0.5), (2.0, 2.5)]

    Source: Arivazhagan, Aggarwal, Singh, Choudhary 2019, Federated learning with personalization layers.
    """

    personal: tuple[Any, ...] = ()
    local: Local = SGD(epochs=1)

    needs: ClassVar = ("sample_grad",)
    reference: ClassVar = "Arivazhagan, Aggarwal, Singh, Choudhary 2019"
    exact: ClassVar = "FedAvg's floor for what is shared, which grows with the local steps and the agents' differences"
    name: ClassVar = "fedper"
    serial: ClassVar = True

    @property
    def minimises(self) -> str:
        """F, where nothing is personal."""
        return "Σ p_k f_k(u, v_k), each client with parts v_k of its own" if self.personal else "F"

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(taken(x, self.personal))

    def broadcast(self, server: Server) -> Heard:
        return Heard(left(server.x, self.personal))

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        y = self.local(agent, self.own(heard, client), key)
        return Reply(left(y, self.personal) - heard.u), Client(taken(y, self.personal))

    def update(self, server: Server, reply: Reply) -> Server:
        u = left(server.x, self.personal) + reply.delta
        return Server(joined(u, taken(server.x, self.personal), self.personal))

    def own(self, heard: Heard, client: Client) -> Array:
        return joined(heard.u, client.v, self.personal)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return joined(heard.u + reply.delta, client.v, self.personal)

    def work(self, size: float) -> float:
        return self.local.work(size)
