"""Methods that keep step, on a virtual clock: a round lasts as long as those who are waited for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.clocks import Job, Pace
from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.core.trees import agent_ids
from accord.engine.planning.partial_work import part_done
from accord.engine.records import Elapsed, Staleness, timed
from accord.engine.rounds.edges import Edges
from accord.engine.rounds.peers import Peers
from accord.engine.rounds.server import Clients
from accord.engine.session import Outcome, Record
from accord.methods.traits import phases_of


class ClockedState(NamedTuple):
    """A run in step, and when each agent is done with it."""

    run: Any
    ahead: Array  # (K,) by how many seconds each agent is done later than the first
    elapsed: Elapsed  # when the first is done


@pytree
@dataclass(frozen=True)
class ClockedRounds:
    """A team with a clock beside it, which changes nothing but what its records contain, and how much work gets done.

    A server waits for the slowest of its cohort. A peer waits for its neighbours alone: an agent is done with a round
    when it and each of them is done with the work, and their messages have arrived.
    """

    team: Clients | Peers | Edges
    clock: Pace
    key: Array

    def start(self, *begin: Any) -> ClockedState:
        """Start with all agents ready at once."""
        nothing = jnp.zeros_like(self.team.p)
        return ClockedState(self.team.start(*begin), nothing, Elapsed.none(nothing.dtype))

    def round(self, carry: ClockedState, t: Array) -> ClockedState:
        """Compute one round, and the seconds that it took."""
        wait, team = self._server if isinstance(self.team, Clients) else self._neighbours, self._team(t)
        done = wait(carry.ahead, self._jobs(t, part_done(team.method, team.agents)), t)
        first = jnp.min(done)
        return ClockedState(team.round(carry.run, t), done - first, carry.elapsed.after(first))

    def _server(self, ahead: Array, jobs: Job, t: Array) -> Array:
        """Return when the slowest of the cohort is received, which is then the time of all."""
        asked = self.team.asked(t)  # pyright: ignore[reportAttributeAccessIssue]
        return jnp.full_like(ahead, jnp.max(jobs.span[asked]))

    def _neighbours(self, ahead: Array, jobs: Job, t: Array) -> Array:
        """Return when each agent has done its work, and at every exchange has received from all its senders."""
        weights = self.team.mixer.at(t, key_for(self.key, t, 0, Purpose.NETWORK))  # pyright: ignore[reportAttributeAccessIssue]
        done = ahead + jobs.work
        for _ in phases_of(self.team.method):
            heard = [_latest(flow, done + jobs.way) for flow in weights.values()]
            done = jnp.max(jnp.stack([done, *heard]), 0)
        return done

    def _jobs(self, t: Array, parts: Array | None) -> Job:
        def job(k: Array, part: Array | None) -> Job:
            return self.clock.heard(key_for(self.key, t, k, Purpose.CLOCK), k, part)

        return jax.vmap(job)(agent_ids(len(self.team.p)), parts)

    def _team(self, t: Array) -> Clients | Peers | Edges:
        """The team in a round, whose agents get done what they do."""
        if (law := self.clock.complete) is None:
            return self.team
        share = jax.vmap(lambda k: law.draw(key_for(self.key, t, k, Purpose.COMPLETENESS), k))
        return replace(self.team, agents=replace(self.team.agents, complete=share(agent_ids(len(self.team.p)))))

    def record(self, carry: ClockedState) -> Record:
        """The team's own, when the last agent is done."""
        return timed(self.team.record(carry.run), carry.elapsed.after(jnp.max(carry.ahead)), Staleness.none())

    def step(self, before: ClockedState, after: ClockedState) -> Array:
        """The team's own."""
        return self.team.step(before.run, after.run)

    def outcome(self, carry: ClockedState, t: Array) -> Outcome:
        """The team's own."""
        return self._team(t).outcome(carry.run, t)


def _latest(weights: Any, said: Array) -> Array:
    """Return when each agent has received from the last of those to whom it gives weight."""
    arrives = said[None] if weights.neighbours is None else said[weights.neighbours]
    return jnp.max(jnp.where(weights.w != 0, arrives, -jnp.inf), 1)
