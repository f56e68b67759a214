"""The contracts: what a method is, cut exactly where a message leaves an agent.

A method is a frozen dataclass of hyper-parameters, a pytree (a sweep over step sizes is a `vmap`, and compiles nothing
anew), with pure functions and no base class. Facts about it live on its class.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax

from accord.methods.convergence import Convergence as Convergence
from accord.methods.convergence import Rate as Rate
from accord.methods.defaults import Constants as Constants
from accord.methods.defaults import Rule as Rule
from accord.methods.hyperparameters import Local as Local
from accord.methods.hyperparameters import Regularizer as Regularizer
from accord.methods.hyperparameters import Stepping as Stepping

State = Any  # a NamedTuple, its fields named as in the paper
Message = Any  # a NamedTuple of vectors: what leaves an agent


@runtime_checkable
class PeerMethod(Protocol):
    """Agents that average with their neighbours, without a server.

    Optional members: `phases`, a tuple of parts that each have `message` and `update`, for several exchanges a round;
    `estimate(state) -> x`, where the agent's own model is not `state.x`.
    """

    def init(self, x: jax.Array, agent: Any, key: jax.Array) -> State: ...

    def message(self, state: State) -> Message:
        """Return the message of this agent to all its neighbours."""
        ...

    def update(self, state: State, mixed: Message, agent: Any, key: jax.Array) -> State:
        """The next state; `mixed` is the weighted average of what was sent, of the type of a message."""
        ...


class Places(NamedTuple):
    """The places of an agent's neighbours, in the order of their numbers; the same twice where all links are mutual."""

    hears: jax.Array  # (places,) whether a place holds a sender to it; some may be empty
    heard_by: jax.Array  # (places,) whether a place holds a receiver of it


@runtime_checkable
class EdgeMethod(Protocol):
    """Agents that have a different message for each neighbour."""

    def init(self, x: jax.Array, agent: Any, places: Places, key: jax.Array) -> State: ...

    def messages(self, state: State) -> Message:
        """Return its messages to its receivers: a message whose fields have a leading axis of those places."""
        ...

    def update(self, state: State, heard: Message, present: jax.Array, agent: Any, key: jax.Array) -> State:
        """The next state; `heard` is what each neighbour sent to this agent, where it was `present` this round."""
        ...


@runtime_checkable
class ServerMethod(Protocol):
    """A server that broadcasts, clients that respond. Prices are this contract with a dual variable in the middle.

    An optional member: `own(heard, client) -> x`, the model that a client makes of what it receives, where it has parts
    of its own: losses are measured there, and agreement is measured by what clients propose beyond it.

    Agreement is measured from replies as the channel has passed them: `proposal` reads the broadcast and the reply. One
    that has to read the client's state serves `Run.agents` alone, and its reply has a field `apart`, ‖x_k − x‖².
    """

    def init(self, x: Any) -> State: ...

    def init_client(self, x: jax.Array, agent: Any, key: jax.Array) -> State: ...

    def broadcast(self, server: State) -> Message: ...

    def respond(self, heard: Message, client: State, agent: Any, key: jax.Array) -> tuple[Message, State]: ...

    def update(self, server: State, reply: Message) -> State:
        """The next server; `reply` is the aggregate of the replies, of the type of one."""
        ...

    def proposal(self, heard: Message, reply: Message, client: State) -> jax.Array:
        """The agent's own model after this round: in `Run.agents`, and where it reads no state in the agreement."""
        ...


class Arrival(NamedTuple):
    """The argument of an asynchronous server's `update`: one reply, and the broadcast that it answers; no aggregate.

    A broadcast that bears the server's version t gives the reply's staleness, d = server.t − heard.t.
    """

    heard: Message  # the broadcast, as it was when this agent was sent off
    reply: Message


HINTS = {
    "rounds": "Give stop=accord.Stop(rounds=...) to accord.run.",
    "lr": "It is called step_size.",
    "learning_rate": "It is called step_size.",
    "network": "Give it to accord.run.",
}
"""The replacements to give for a hyper-parameter that no method has."""
