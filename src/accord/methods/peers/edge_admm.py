"""Edge ADMM, robust to lost messages and sleeping agents."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Places, Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    z: Array  # (places, d) one auxiliary variable a neighbour
    theirs: Array  # (places,) which places are a neighbour's


class Message(NamedTuple):
    q: Array  # (places, d) what each neighbour is sent


@method
class EdgeADMM:
    """x_k = prox_{f_k/(ρ d_k)}(Σ_j z_kj/(ρ d_k)); send j q_kj = 2ρ x_k − z_kj; z_kj⁺ = (1−a) z_kj + a q_jk.

    A message of its own for each neighbour. What was not received leaves z_kj as it is, so lost messages and sleeping
    agents only slow it down: the optimum stays exact.

    - `penalty`: ρ > 0. `relaxation`: 0 < a < 1.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> network = accord.networks.ring(4).lose(0.2)
    >>> float(accord.run(problem, EdgeADMM(), network=network, stop=accord.Stop(rounds=400)).x.round(5))
    3.2

    Source: Bastianello, Carli, Schenato, Todescato 2021, Asynchronous distributed optimization over lossy networks.
    """

    penalty: float | None = None
    relaxation: float = 0.5

    needs: ClassVar = ("prox",)
    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep")
    reference: ClassVar = "Bastianello, Carli, Schenato, Todescato 2021"
    rules: ClassVar = {"penalty": Rule("√(μL)/2, or L/20 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 / 2 or c.L / 20)}

    def init(self, x: Array, agent: Any, places: Places, key: Array) -> State:
        z = jnp.where(places.hears[:, None], self.penalty * x, 0)
        return State(self._nearest(x, z, places.hears, agent), z, places.hears)

    def messages(self, state: State) -> Message:
        return Message(2 * self.penalty * state.x - state.z)

    def update(self, state: State, heard: Message, present: Array, agent: Any, key: Array) -> State:
        mixed = (1 - self.relaxation) * state.z + self.relaxation * heard.q
        z = jnp.where(present[:, None], mixed, state.z)
        return State(self._nearest(state.x, z, state.theirs, agent), z, state.theirs)

    def _nearest(self, x: Array, z: Array, theirs: Array, agent: Any) -> Array:
        """prox of the mean of z; an agent alone, which receives no mean, takes it from where it stands."""
        alone, degree = ~jnp.any(theirs), jnp.sum(theirs).astype(z.dtype)
        weight = self.penalty * jnp.where(alone, 1, degree)  # ρ d_k
        return agent.prox(jnp.where(alone, x, jnp.sum(z, 0) / weight), weight)
