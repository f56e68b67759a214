"""Federated averaging, and the smarter servers that treat its average change as a gradient (FedOpt)."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from accord.methods.contracts import Local
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    memory: Any  # the optimizer's own state: moments


class Heard(NamedTuple):
    x: Array


class Reply(NamedTuple):
    delta: Array  # y_k − x, what local work changed


@method
class FedAvg:
    """Broadcast x, local work y_k, average the changes Δ = Σ p_k (y_k − x), and step.

    x⁺ = x + Δ; with an `optimizer` (any optax transformation) x⁺ = x + optimizer(−Δ), which is FedOpt.

    - `local`: `SGD` or `GradientDescent`, steps or epochs between two messages.
    - `optimizer`: e.g. `optax.adam(1e-2)`, `optax.yogi(1e-2)`, `optax.sgd(1.0, momentum=0.9)`.

    Under a constant step it stands on a floor when agents differ: for quadratics the fixed point is
    Σ p_k a_k c_k / Σ p_k a_k with a_k = 1 − (1 − a h_k)^τ.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> method = FedAvg(local=accord.GradientDescent(steps=10, step_size=0.05))
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=200)).x.round(6))
    0.713442

    Source: McMahan et al. 2017; Reddi et al. 2021, Adaptive federated optimization.
    """

    local: Local = SGD(epochs=1)
    optimizer: optax.GradientTransformation | None = None

    needs: ClassVar = ("sample_grad",)
    exact: ClassVar = "a floor that grows with the step size, the local steps and the agents' differences"
    reference: ClassVar = "McMahan et al. 2017; with an optimizer, Reddi et al. 2021"
    serial: ClassVar = True

    def init(self, x: Array) -> Server:
        return Server(x, None if self.optimizer is None else self.optimizer.init(x))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(self.local(agent, heard.x, key) - heard.x), client

    def update(self, server: Server, reply: Reply) -> Server:
        if self.optimizer is None:
            return Server(server.x + reply.delta, None)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with numbers
            change, memory = self.optimizer.update(-reply.delta, server.memory, server.x)
        return Server(server.x + jnp.asarray(change), memory)

    def proposal(self, heard: Heard, reply: Reply, client: tuple[()]) -> Array:
        return heard.x + reply.delta

    def work(self, size: float) -> float:
        return self.local.work(size)


_adam, _yogi, _adagrad, _sgd = map(cache, (optax.adam, optax.yogi, optax.adagrad, optax.sgd))
"""The same step size gives the same function, so that a second run compiles nothing."""


def FedAdam(step_size: float = 0.01, local: Local = SGD(epochs=1)) -> FedAvg:
    """FedAvg whose server is Adam.

    Source: Reddi et al. 2021. Its ε of 1e-3 suits changes of a model, which are larger than gradients.

    >>> FedAdam().local
    SGD(steps=None, batch_size=32, step_size=None, epochs=1, shuffle=True)
    """
    return FedAvg(local, _adam(step_size, eps=1e-3))


def FedYogi(step_size: float = 0.01, local: Local = SGD(epochs=1)) -> FedAvg:
    """FedAvg whose server is Yogi (Reddi et al. 2021)."""
    return FedAvg(local, _yogi(step_size, eps=1e-3))


def FedAdagrad(step_size: float = 0.1, local: Local = SGD(epochs=1)) -> FedAvg:
    """FedAvg whose server is Adagrad (Reddi et al. 2021)."""
    return FedAvg(local, _adagrad(step_size, eps=1e-3))


def FedAvgM(step_size: float = 1.0, momentum: float = 0.9, local: Local = SGD(epochs=1)) -> FedAvg:
    """FedAvg whose server has momentum: v = βv + Δ, x⁺ = x + ηv (Hsu, Qi, Brown 2019)."""
    return FedAvg(local, _sgd(step_size, momentum=momentum))
