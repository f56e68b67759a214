"""The check at the door, of a method of one's own: whether it is one, and whether what its functions return fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.engine.planning.cost import stand_in
from accord.engine.planning.plan import Plan
from accord.engine.staged import REMEDY, unanswerable
from accord.errors import AccordError, MethodError
from accord.methods.contracts import Arrival, Places
from accord.methods.hyperparameters import is_number, kinds_of
from accord.methods.traits import of_agent, pattern_of, phases_of
from accord.problems.opaque import OpaqueAgent

MEMBERS = {
    "a server": {
        "init": "init(self, x) -> Server, where it begins",
        "init_client": "init_client(self, x, agent, key) -> Client, where a client begins; () where it keeps nothing",
        "broadcast": "broadcast(self, server) -> Message, what all clients receive",
        "respond": "respond(self, heard, client, agent, key) -> (Reply, Client), what one client does",
        "update": "update(self, server, reply) -> Server, the next server from the aggregate of the replies",
        "proposal": "proposal(self, heard, reply, client) -> x, the client's own model after the round",
    },
    "a method with a message for each neighbour": {
        "init": "init(self, x, agent, places, key) -> State, where an agent begins",
        "messages": "messages(self, state) -> Message, a message for each neighbour, stacked",
        "update": "update(self, state, heard, present, agent, key) -> State, the next state",
    },
    "a method among peers": {
        "init": "init(self, x, agent, key) -> State, where an agent begins",
        "message": "message(self, state) -> Message, what an agent sends to all its neighbours",
        "update": "update(self, state, mixed, agent, key) -> State, the next state from the weighted average",
    },
}
"""The functions that each contract asks for, in `accord.methods.contracts`."""


def check_members(method: Any) -> None:
    """Refuse a class without the decorator, or without a function of its contract."""
    cls = type(method)
    if "traced" not in vars(cls):
        raise MethodError(
            f"{cls.__name__} has the functions of a method, and is not declared as one. Write @method above the class: "
            "from accord.methods.contracts import method."
        )
    kind = _kind(method)
    for name, signature in MEMBERS[kind].items():
        if not callable(getattr(method, name, None)) and not (hasattr(method, "phases") and name != "init"):
            raise MethodError(f"{cls.__name__} has no {name}, and as {kind} it needs {signature}. Add it.")


def _kind(method: Any) -> str:
    server, edges, peers = MEMBERS
    if any(hasattr(method, name) for name in ("broadcast", "respond", "init_client", "proposal")):
        return server
    return edges if hasattr(method, "messages") else peers


def fits_contract(plan: Plan) -> None:
    """Refuse a method whose functions fail, or return what the next of them is not given; by shapes, nothing is run.

    Accord's own are tested instead.
    """
    if type(plan.method).__module__.startswith("accord.methods."):
        return
    x0, agent = jax.ShapeDtypeStruct(plan.x0.shape, plan.dtype), _first(plan)
    if plan.pattern != "peers":
        begin = plan.x0 if plan.problem.coupling is None else plan.problem.coupling.market(plan.dtype)
        traced = jax.make_jaxpr(_Server(plan.method).round)(begin, x0, agent)
    else:
        traced = jax.make_jaxpr(_Peer(plan.method).round)(x0, agent)
    if within := unanswerable(traced.jaxpr):
        name = type(plan.method).__name__
        raise MethodError(f"{name} asks an opaque agent within a {within}, where none can answer. {REMEDY}")


def _first(plan: Plan) -> Any:
    """The first agent, or one of the right shapes."""
    if not plan.problem.opaque:
        return stand_in(plan)
    share = None if plan.problem.coupling is None else plan.problem.coupling.shares(plan.dtype)
    return jax.tree.map(lambda leaf: leaf[0], OpaqueAgent.stacked(plan.problem.shards[:1], plan.scale[:1], share))


class _Peer:
    """One agent's round, in shapes."""

    def __init__(self, method: Any) -> None:
        self.method, self.name = method, type(method).__name__

    def round(self, x: Array, agent: Any) -> None:
        method, key = self.method, jax.random.key(0)
        one = Places(jnp.ones(1, bool), jnp.ones(1, bool))
        edges = hasattr(method, "messages")
        with _calling(self.method, "init"):
            state = method.init(x, agent, one, key) if edges else method.init(x, agent, key)
        self._has_model(state, x)
        for part in phases_of(method):
            with _calling(self.method, "messages" if edges else "message"):
                words = part.messages(state) if edges else part.message(state)
            with _calling(self.method, "update"):
                given = (words, jnp.ones(1, bool)) if edges else (words,)
                after = part.update(state, *given, agent, key)
            same(self.name, "update", "the state that init returns", state, after)

    def _has_model(self, state: Any, x: Array) -> None:
        estimate = getattr(self.method, "estimate", None)
        if estimate is None and not hasattr(state, "x"):
            raise MethodError(
                f"{self.name}'s state has no field x, the agent's own model. Name it x, or add "
                "estimate(self, state) -> x."
            )
        with _calling(self.method, "estimate"):
            model = state.x if estimate is None else estimate(state)
        same(self.name, "init" if estimate is None else "estimate", "a model, as x", x, model)


class _Server:
    """A round of the server with one client, in shapes."""

    def __init__(self, method: Any) -> None:
        self.method, self.name = method, type(method).__name__

    def round(self, begin: Any, x: Array, agent: Any) -> None:
        method, key = self.method, jax.random.key(0)
        with _calling(self.method, "init"):
            server = method.init(begin)
        wanted = "price" if pattern_of(method) == "prices" else "x"
        if not hasattr(server, wanted):
            raise MethodError(f"{self.name}'s server has no field {wanted}, which is its answer. Name it {wanted}.")
        with _calling(self.method, "init_client"):
            client = of_agent(method, 0).init_client(x, agent, key)
        if wanted == "price" and not hasattr(client, "x"):
            raise MethodError(f"{self.name}'s client has no field x, its decision. Name it x.")
        with _calling(self.method, "broadcast"):
            heard = method.broadcast(server)
        with _calling(self.method, "respond"):
            answer = method.respond(heard, client, agent, key)
        if not (type(answer) is tuple and len(answer) == 2):
            raise MethodError(
                f"{self.name}.respond returns {_told(answer)}. Return a pair, the reply and the client's "
                "state: Reply(...), client."
            )
        reply, after = answer
        same(self.name, "respond", "the client that init_client returns", client, after)
        with _calling(self.method, "update"):
            following = method.update(server, Arrival(heard, reply) if method.asynchronous else reply)
        same(self.name, "update", "the server that init returns", server, following)
        with _calling(self.method, "proposal"):
            same(self.name, "proposal", "a model, as x", x, method.proposal(heard, reply, after))


@contextmanager
def _calling(method: Any, member: str) -> Iterator[None]:
    """Raise an exception in a function of the method as a `MethodError` of it, or of the number that is missing."""
    name = type(method).__name__
    try:
        yield
    except AccordError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        if lacking := _unchosen(method):
            raise MethodError(
                f"{name} leaves {lacking[0]} None, without a rule to choose it by, and its {member} fails: {why}. Give "
                f'{lacking[0]}, or state one: rules: ClassVar = {{"{lacking[0]}": Rule("1/L", lambda c: 1 / c.L)}}.'
            ) from error
        raise MethodError(
            f"{name}.{member} fails on a flat decision: {why}. See what it is given in accord.methods.contracts."
        ) from error


def _unchosen(method: Any) -> list[str]:
    """Numbers that were not given, and have no rule."""
    kinds = kinds_of(type(method))
    return [name for name in kinds if getattr(method, name) is None and is_number(kinds[name])]


def same(name: str, member: str, what: str, wanted: Any, found: Any) -> None:
    """Refuse what differs in structure, shape or precision from what is wanted."""
    if jax.tree.structure(wanted) != jax.tree.structure(found):
        raise MethodError(
            f"{name}.{member} returns {_told(found)}, where {what} is {_told(wanted)}. Return the same type, with the "
            "same fields."
        )
    for (path, one), other in zip(jax.tree_util.tree_leaves_with_path(wanted), jax.tree.leaves(found), strict=True):
        if (np.shape(one), jnp.result_type(one)) != (np.shape(other), jnp.result_type(other)):
            field = jax.tree_util.keystr(path, simple=True) or "it"
            raise MethodError(
                f"{name}.{member} returns {field} as {_array(other)}, where {what} has {_array(one)}. Keep shape and "
                "precision from round to round."
            )


def _array(leaf: Any) -> str:
    return f"{jnp.result_type(leaf)}{list(np.shape(leaf))}"


def _told(value: Any) -> str:
    fields = getattr(value, "_fields", None)
    if fields is not None:
        return f"{type(value).__name__}({', '.join(fields)})"
    return "nothing" if value is None else f"a {type(value).__name__}"
