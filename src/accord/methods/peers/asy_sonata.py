"""ASY-SONATA: gradient tracking among asynchronous agents, over messages that come late or never."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    z: Array  # tracker: this agent's share of the sum of gradients
    g: Array  # own gradient at x
    v: Array  # (places, d) what each neighbour sent last of where it is going
    rho: Array  # (places, d) all that each neighbour was ever handed of z
    seen: Array  # (places, d) all that was ever taken over from each
    theirs: Array  # (places,) which places are a neighbour's


class Message(NamedTuple):
    v: Array  # (places, d)
    rho: Array  # (places, d)


@method
class ASYSONATA:
    """v = x − a z, x⁺ = (v + Σ_j v_j)/n; z½ = z + Σ_j (ρ_jk − seen_jk) + ∇f(x⁺) − ∇f(x), of which n equal parts are
    kept and handed on, z⁺ = z½/n and ρ_kj⁺ = ρ_kj + z½/n, with n − 1 neighbours.

    An agent hands on *running sums*, and takes over what is new in the last that came, so that what is late or lost is
    made up for by the next message. All that is held and handed on adds up to the sum of the gradients, whatever the
    order and the delays: the optimum is exact.

    - `step_size`: a. The longer messages are on their way, the smaller; the default bears a few steps of the others.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> slow = accord.Clock(compute=accord.clocks.lognormal([1.0, 1.0, 1.0, 5.0]), network=0.5, lose=0.1)
    >>> how = {"runtime": accord.runtimes.Timed(slow), "stop": accord.Stop(rounds=2000)}
    >>> float(accord.run(problem, ASYSONATA(), network=accord.networks.ring(4), **how).x.round(4))
    3.2

    Source: Tian, Sun, Scutari 2020, Achieving linear convergence in distributed asynchronous multiagent optimization.
    """

    step_size: float | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose",)
    name: ClassVar = "asy_sonata"
    asynchronous: ClassVar = True
    reference: ClassVar = (
        "Tian, Sun, Scutari 2020, Achieving linear convergence in asynchronous multiagent optimization"
    )
    rules: ClassVar = {"step_size": Rule("1/(4L)", lambda c: 1 / (4 * c.L))}

    def init(self, x: Array, agent: Any, present: Array, key: Array) -> State:
        g, nothing = agent.grad(x), jnp.zeros((len(present), len(x)), x.dtype)
        return State(x, g, g, nothing + x, nothing, nothing, present)

    def messages(self, state: State) -> Message:
        v = state.x - self.step_size * state.z
        return Message(jnp.broadcast_to(v, state.v.shape), state.rho)

    def update(self, state: State, heard: Message, present: Array, agent: Any, key: Array) -> State:
        new, theirs = present[:, None], state.theirs[:, None]
        v, rho = jnp.where(new, heard.v, state.v), jnp.where(new, heard.rho, state.seen)
        n = 1 + jnp.sum(state.theirs).astype(v.dtype)
        x = (state.x - self.step_size * state.z + jnp.sum(jnp.where(theirs, v, 0), 0)) / n
        g = agent.grad(x)
        z = state.z + jnp.sum(rho - state.seen, 0) + g - state.g
        return State(x, z / n, g, v, state.rho + jnp.where(theirs, z / n, 0), rho, state.theirs)
