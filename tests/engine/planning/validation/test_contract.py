"""A method of one's own that is not yet one: refused at the door, by its class, its function and the remedy."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.errors import MethodError
from accord.methods.peers.dgd import DGD
from accord.methods.peers.edge_admm import EdgeADMM
from accord.methods.server.fedsgd import FedSGD
from accord.methods.traits import method

PROBLEM = accord.problems.quadratic(H=np.array([1.0, 2.0, 3.0]), c=np.zeros((3, 2)))
RING = accord.networks.ring(3)


class X(NamedTuple):
    x: Any


class XY(NamedTuple):
    x: Any
    y: Any


class Y(NamedTuple):
    y: Any


class Averaging:
    """x⁺ = W x − a ∇f(x), to be altered."""

    step_size: float | None = 0.1
    weights: ClassVar = "doubly stochastic"

    def init(self, x: Any, agent: Any, key: Any) -> Any:
        return X(x)

    def message(self, state: Any) -> Any:
        return X(state.x)

    def update(self, state: Any, mixed: Any, agent: Any, key: Any) -> Any:
        return X(mixed.x - self.step_size * agent.grad(state.x))


class Central:
    """x⁺ = x − a Σ p_k ∇f_k(x), to be altered."""

    step_size: float | None = 0.1

    def init(self, x: Any) -> Any:
        return X(x)

    def init_client(self, x: Any, agent: Any, key: Any) -> Any:
        return ()

    def broadcast(self, server: Any) -> Any:
        return X(server.x)

    def respond(self, heard: Any, client: Any, agent: Any, key: Any) -> Any:
        return Y(agent.grad(heard.x)), client

    def update(self, server: Any, reply: Any) -> Any:
        return X(server.x - self.step_size * reply.y)

    def proposal(self, heard: Any, reply: Any, client: Any) -> Any:
        return heard.x


class Neighbourly:
    """A message for each neighbour, to be altered."""

    weights: ClassVar = "symmetric"

    def init(self, x: Any, agent: Any, places: Any, key: Any) -> Any:
        return XY(x, jnp.zeros((len(places.heard_by), len(x)), x.dtype))

    def messages(self, state: Any) -> Any:
        return X(state.x + state.y)

    def update(self, state: Any, heard: Any, present: Any, agent: Any, key: Any) -> Any:
        return state


def altered(base: type, **members: Any) -> Any:
    """The class as a method, with other members; without those that are None."""
    own = {name: value for name, value in vars(base).items() if not name.startswith("__") or name == "__annotations__"}
    kept = {name: value for name, value in (own | members).items() if value is not None}
    return method(type("Mine", (), kept | {"__module__": __name__}))


NOT_YET: dict[str, tuple[Any, str]] = {
    "no decorator": (Averaging, r"Averaging .* not declared as one. Write @method above"),
    "no message": (altered(Averaging, message=None), r"Mine has no message, .* among peers it needs message\(self, st"),
    "no update": (altered(Averaging, update=None), r"Mine has no update, .* update\(self, state, mixed, agent, key\)"),
    "no respond": (altered(Central, respond=None), r"Mine has no respond, and as a server it needs respond\("),
    "no proposal": (altered(Central, proposal=None), r"Mine has no proposal, and as a server"),
    "no broadcast": (altered(Central, broadcast=None), r"Mine has no broadcast, and as a server"),
    "no messages' update": (altered(Neighbourly, update=None), r"Mine has no update, .* present, agent, key\)"),
    "no rule": (altered(Averaging)(None), r"leaves step_size None, without a rule .* rules: ClassVar = \{"),
    "no model": (altered(Averaging, init=lambda self, x, agent, key: Y(x)), r"state has no field x, .* estimate\("),
    "a subclass without the decorator": (type("Heir", (DGD,), {}), r"Heir .* not declared as one"),
    "fewer fields": (
        altered(Averaging, init=lambda self, x, agent, key: XY(x, x)),
        r"Mine\.update returns X\(x\), where the state that init returns is XY\(x, y\)",
    ),
    "another shape": (
        altered(Averaging, init=lambda self, x, agent, key: X(jnp.zeros(1))),
        r"Mine\.init returns it as float64\[1\], where a model, as x has float64\[2\]",
    ),
    "another precision": (
        altered(Averaging, update=lambda self, state, *rest: X(state.x.astype(jnp.float32))),
        r"Mine\.update returns x as float32\[2\], .* has float64\[2\]\. Keep shape and precision",
    ),
    "an error of its own": (
        altered(Averaging, message=lambda self, state: X(state.nothing)),
        r"Mine\.message fails on a flat decision: AttributeError: .*nothing",
    ),
    "no pair": (
        altered(Central, respond=lambda self, heard, client, agent, key: Y(heard.x)),
        r"Mine\.respond returns Y\(y\)\. Return a pair",
    ),
    "another server": (
        altered(Central, update=lambda self, server, reply: XY(server.x, reply.y)),
        r"Mine\.update returns XY\(x, y\), where the server that init returns is X\(x\)",
    ),
    "another client": (
        altered(Central, respond=lambda self, heard, client, agent, key: (Y(heard.x), heard)),
        r"Mine\.respond returns X\(x\), where the client that init_client returns is a tuple",
    ),
    "a short proposal": (
        altered(Central, proposal=lambda self, heard, reply, client: heard.x[:1]),
        r"Mine\.proposal returns it as float64\[1\], where a model, as x has float64\[2\]",
    ),
    "a state for each neighbour": (
        altered(Neighbourly, update=lambda self, state, heard, *rest: XY(heard.x, state.y)),
        r"Mine\.update returns x as float64\[1, 2\], .* has float64\[2\]",
    ),
}


@pytest.mark.parametrize("name", NOT_YET)
def test_what_is_not_yet_a_method_is_refused_before_anything_is_compiled(name: str) -> None:
    mine, sentence = NOT_YET[name]
    mine = mine() if isinstance(mine, type) else mine
    network = None if any(hasattr(mine, part) for part in ("respond", "broadcast")) else RING
    with pytest.raises(MethodError, match=sentence):
        accord.run(PROBLEM, mine, network=network)


@pytest.mark.parametrize(("base", "network"), [(Averaging, RING), (Central, None), (Neighbourly, RING)])
def test_what_they_were_altered_from_is_a_method(base: type, network: Any) -> None:
    run = accord.run(PROBLEM, altered(base)(), network=network, stop=accord.Stop(rounds=2, progress=0))
    assert run.rounds == 2


@pytest.mark.parametrize(("kind", "network"), [(DGD, RING), (FedSGD, None), (EdgeADMM, RING)])
def test_accords_own_would_pass_too(kind: Any, network: Any) -> None:
    mine = method(type("Mine", (kind,), {"__module__": __name__}))
    run = accord.run(PROBLEM, mine(), network=network, stop=accord.Stop(rounds=2, progress=0))
    assert run.rounds == 2
