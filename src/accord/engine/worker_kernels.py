"""The computations of a worker, compiled once for all teams of the same shapes; opaque agents are asked in between."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from accord.engine import coupled_metrics
from accord.engine.events.worker import AsyncPeers
from accord.engine.map_agents import map_agents
from accord.engine.rounds.peers import losses_of, models_of, steps_of
from accord.engine.rounds.server import Clients
from accord.engine.staged import compiled
from accord.methods.traits import phases_of
from accord.robustness.aggregation import Shares


def slots(asked: int, agents: int) -> int:
    """Places for a cohort: few different numbers of them, so that few programs are compiled; all only for all.

    >>> [slots(asked, 6) for asked in (1, 3, 4, 5, 6)]
    [1, 4, 4, 8, 6]
    """
    several = 1 << (asked - 1).bit_length()
    return agents if asked == agents else several + (several == agents)


@compiled
def start(team: Any, *begin: Any) -> Any:
    """Return the first state of a team."""
    return team.start(*begin)


@partial(compiled, static=("cohort",))
def respond(
    team: Clients, held: Any, heard: tuple[Array, ...], ks: Array, mean: Array, total: Array, t: Array, *, cohort: int
) -> tuple[Any, Any, Any]:
    """Return a cohort's replies in total and one by one, and the state after it."""
    part = replace(team, cohort=cohort)
    said, replies, clients, memories = part.respond(held, _heard(team, held, heard), ks, Shares(mean, total), t)
    return said, replies, held._replace(clients=clients, memories=memories)


@compiled
def client_models(team: Clients, held: Any, heard: tuple[Array, ...], t: Array) -> tuple[Array, Array | None]:
    """Return each client's own model, or what it would propose as such; and its multiplier, where it has one."""
    return team.models(held, _heard(team, held, heard), t), team.prices(held)


def _heard(team: Clients, held: Any, arrays: tuple[Array, ...]) -> Any:
    """A broadcast that has crossed the wire as plain arrays."""
    return jax.tree.unflatten(jax.tree.structure(team.method.broadcast(held.server)), arrays)


@partial(compiled, static=("phase",))
def send(team: Any, held: Any, t: Array, *, phase: int) -> tuple[Any, Any, Any, Any]:
    """Return what agents want to send, what of it crosses the wires, the state, and what goes to each worker."""
    own, said, held = team.send(held, t, phase)
    return own, said, held, team.border.gather(said)


@compiled
def step(team: Any, before: Any, after: Any) -> Array:
    """Σ of the squares of what agents moved from one state to another."""
    return jnp.sum(steps_of(team, before, after))


@partial(compiled, static=("phase",))
def turn(
    team: Any, held: Any, own: Any, said: Any, come: Any, before: Any, t: Array, *, phase: int
) -> tuple[Any, tuple[Any, Any, Any, Any]]:
    """Return the state after an exchange, and the messages of the next: one call, and the numbers of two."""
    held = jax.lax.optimization_barrier(_receive(team, held, own, said, come, before, t, phase))
    after = (phase + 1) % len(phases_of(team.method))
    return held, send(team, held, t + int(after == 0), phase=after)


def _receive(team: Any, held: Any, own: Any, said: Any, come: Any, before: Any, t: Array, phase: int) -> Any:
    """Return the state after an exchange; in a round's last one, agents that slept go back to the state `before`."""
    words = tuple(jax.tree.unflatten(jax.tree.structure(said), word) for word in come)
    held = team.receive(held, own, team.border.received(said, words), team.weights(t), t, phase)
    return held if before is None else team.hold_asleep(held, before, t)


@compiled
def activate(team: AsyncPeers, held: Any, ks: Array, heard: tuple[Array, ...], t: Array) -> tuple[Array, Any, Any]:
    """Activate agents with what they received, and return how far they move, what they send then, and the state."""
    said, after = team.activate(held, ks, heard, t)
    return team.step(held, after), said, after


@compiled
def models(team: Any, held: Any) -> Array:
    """Return every agent's own model, or decision."""
    return held.clients.x if isinstance(team, Clients) else models_of(team, held.states)


@compiled
def losses(team: Any, model: Array) -> Array:
    """f_k, whatever the agents weigh, at one model."""
    return losses_of(team, jnp.asarray(model))


@compiled
def own_losses(team: Any, held: Any, heard: tuple[Array, ...]) -> Array:
    """f_k, whatever the agents weigh, at each agent's own model, or at what it makes of a broadcast."""
    return losses_of(team, team.own_models(held, _heard(team, held, heard)) if heard else models(team, held), 0)


@compiled
def centre(team: Any, held: Any) -> Array:
    """Σ p_k x_k over a team."""
    return team.p @ models_of(team, held.states)


@compiled
def measure(team: Any, held: Any, centre: Array) -> tuple[Array, Array, Array]:
    """f_k at a model, ‖x_k − it‖², and ‖x_k − x0‖²."""
    own = models_of(team, held.states)
    return losses_of(team, centre), jnp.sum((own - centre) ** 2, 1), jnp.sum((own - team.x0) ** 2, 1)


@compiled
def terms(team: Any, held: Any, price: Array) -> coupled_metrics.Terms:
    """Return each agent's terms at its decision and a price."""
    axes = (team.agents.axes, 0, None)
    return map_agents(coupled_metrics.terms, axes)(team.agents, models(team, held), jnp.asarray(price))


@compiled
def reach(team: Any, direction: Array) -> coupled_metrics.Reach:
    """Return the least value of each agent's part."""
    return jax.vmap(coupled_metrics.reach, (0, None))(team.agents.share, jnp.asarray(direction))
