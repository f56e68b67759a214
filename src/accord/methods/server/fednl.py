"""FedNL: the server learns the Hessian from compressed differences."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.shared.second_order import direction
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    H: Array  # Ĥ = Σ p_k Ĥ_k


class Heard(NamedTuple):
    x: Array


class Client(NamedTuple):
    H: Array  # Ĥ_k, what the server knows of ∇²f_k


class Reply(NamedTuple):
    g: Array  # ∇f_k(x)
    u: Array  # (d, rank) eigenvectors of the difference, ...
    value: Array  # (rank,) ... and their eigenvalues
    l: Array  # ‖Ĥ_k − ∇²f_k(x)‖, of Frobenius  # noqa: E741


class Sum(NamedTuple):
    """Σ p_k of what the clients sent."""

    g: Array
    S: Array
    l: Array  # noqa: E741


def _summed(replies: Reply, share: Array) -> Sum:
    """A low rank is sent, and a sum of such has none: the server puts each difference together before it adds."""
    u = jnp.where(share[:, None, None] > 0, replies.u, 0)
    S = jnp.einsum("k,kir,kr,kjr->ij", share, u, replies.value, u)
    return Sum(share @ replies.g, S, share @ replies.l)


def _largest(D: Array, rank: int, scale: Array) -> tuple[Array, Array]:
    """Return the eigenvectors, of one sign, and the eigenvalues that are largest; none for what is rounding of `scale`.

    Rounding turns the sign, and what is rounding has any direction: under a noisy channel every runtime had its own.
    """
    values, vectors = jnp.linalg.eigh(D)
    most = jnp.argsort(-jnp.abs(values))[:rank]
    u, value = vectors[:, most], values[most]
    sign = jnp.sign(jnp.take_along_axis(u, jnp.argmax(jnp.abs(u), 0)[None], 0))
    real = jnp.abs(value) > 8 * jnp.finfo(D.dtype).eps * scale
    return jnp.where(real, sign * u, 0), jnp.where(real, value, 0)


@method
class FedNL:
    """x⁺ = x − (Ĥ + l I)⁻¹ Σ p_k ∇f_k(x), l = Σ p_k ‖Ĥ_k − ∇²f_k(x)‖_F; Ĥ_k⁺ = Ĥ_k + S_k, Ĥ⁺ = Ĥ + Σ p_k S_k.

    S_k is ∇²f_k(x) − Ĥ_k cut to its `rank` largest eigenvalues, so that a round sends vectors, and Ĥ_k comes to
    ∇²f_k. l bounds what is missing, so that no step is too long for a quadratic. Ĥ_k = 0 to begin with, so that the
    first rounds are gradient steps: a reply has one size, and ∇²f_k(x0) whole would be that of Newton's method.

    - `rank`: r; a reply has d(r+1) + r + 1 numbers.

    >>> import accord, numpy as np
    >>> problem = accord.problems.quadratic(H=np.array([[1.0, 4.0], [9.0, 2.0]]), c=np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> accord.run(problem, FedNL(), stop=accord.Stop(rounds=9, progress=0)).x.round(9).tolist()
    [0.9, 0.666666667]

    Source: Safaryan, Islamov, Qian, Richtárik 2022, FedNL: Making Newton-type methods applicable to federated learning.
    """

    rank: int = 1

    needs: ClassVar = ("grad", "hessian")
    partial: ClassVar = False
    dimensions: ClassVar = 2000
    free_objective: ClassVar = True
    aggregate: ClassVar = staticmethod(_summed)
    name: ClassVar = "fednl"
    reference: ClassVar = "Safaryan, Islamov, Qian, Richtárik 2022, FedNL"

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((len(x), len(x)), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(jnp.zeros((len(x), len(x)), x.dtype))

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        hessian = agent.hessian(heard.x)
        D = hessian - client.H
        u, value = _largest(D, self.rank, jnp.linalg.norm(hessian))
        return Reply(agent.grad(heard.x), u, value, jnp.linalg.norm(D)), Client(client.H + (u * value) @ u.T)

    def update(self, server: Server, reply: Sum) -> Server:
        one = jnp.eye(len(reply.g), dtype=reply.g.dtype)
        return Server(server.x + direction(server.H + reply.l * one, reply.g), server.H + reply.S)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return heard.x
