"""A worker's agents as clients of a server, which is the host."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.aggregation import Shares, weighed
from accord.runtimes import steps
from accord.runtimes.cost import blank_reply
from accord.runtimes.plan import Purpose, key_for


class WorkingClients:
    """Respond, channel and a partial sum for some of the clients."""

    def __init__(self, worker: Any) -> None:
        self.worker, self.plan = worker, worker.plan
        self.states: dict[int, Any] = {}
        self.memories: dict[int, Any] = {}  # the channel's, at speaker and listener

    def on_start(self, t: int, x0: np.ndarray) -> None:
        """Every client at x0, its channel's memory empty."""
        empty = self.plan.channel.init(blank_reply(self.plan))
        for k, agent in self.worker.each():
            key = key_for(self.worker.key, 0, k, Purpose.START)
            self.states[k] = steps.init_client(self.plan.method, jnp.asarray(x0), agent, key)
            self.memories[k] = (empty, empty)

    def on_respond(self, t: int, heard: Any, share: dict[int, Shares]) -> Any:
        """The replies of those in the cohort, weighed and summed; one by one too for a rule that needs the stack."""
        total, replies, rule = None, {}, self.plan.aggregate or self.plan.method.aggregate
        for k, agent in self.worker.each():
            if k not in share:
                continue
            keys = [key_for(self.worker.key, t, k, purpose) for purpose in (Purpose.WORK, Purpose.CHANNEL)]
            held = (self.states[k], self.memories[k])
            said, shift, self.states[k], self.memories[k] = steps.visit(
                self.plan.method, self.plan.channel, heard, *held, agent, *keys
            )
            reply = weighed("mean" if callable(rule) else rule, share[k], said)
            part = (reply, *weighed("mean", share[k], (shift, jnp.vdot(shift, shift))))
            total = part if total is None else jax.tree.map(jnp.add, total, part)
            if callable(rule):
                replies[k] = steps.arrays(said)
        return steps.arrays(total), replies

    def on_propose(self, t: int, heard: Any) -> dict[int, np.ndarray]:
        """What each agent would propose as its own model from here; nothing of it is kept."""
        found = {}
        for k, agent in self.worker.each():
            key = key_for(self.worker.key, t, k, Purpose.WORK)
            found[k] = np.asarray(steps.propose(self.plan.method, heard, self.states[k], agent, key))
        return found

    def on_own(self, t: int, heard: Any) -> dict[int, np.ndarray]:
        """The model that each client uses of what it hears."""
        return {k: np.asarray(steps.own(self.plan.method, heard, self.states[k])) for k, _ in self.worker.each()}

    def on_price(self, t: int) -> dict[int, np.ndarray]:
        """Each client's own multiplier, per unit of its weight."""
        return {k: np.asarray(self.plan.method.price(self.states[k])) for k, _ in self.worker.each()}

    def on_state(self, t: int) -> Any:
        """Everything these clients hold."""
        return {self.worker.own: steps.arrays((self.states, self.memories))}

    def on_restore(self, t: int, held: Any) -> None:
        """Go on from what they held."""
        self.states, self.memories = held
