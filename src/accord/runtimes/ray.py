"""Ray: a process for every shard of agents, on this machine or on a cluster; lost ones are placed anew."""

from __future__ import annotations

import os
import secrets
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from accord.engine.planning.plan import Plan
from accord.engine.planning.validation.timeouts import check_timeouts
from accord.errors import MethodError, ShardLost
from accord.protocol.timeouts import Timeouts
from accord.runtimes.workers.assignment import divide
from accord.runtimes.workers.async_peers import AsyncPeersSession
from accord.runtimes.workers.async_server import AsyncServerSession, session_of
from accord.runtimes.workers.ray_actors import RayTransport, ray_library
from accord.runtimes.workers.synchronous import SyncWorkersSession, new_run_id

TOKEN = "RAY_AUTH_TOKEN"


@dataclass(frozen=True)
class Ray:
    """Run agents on a Ray cluster, or on all cores of this machine: one process a shard of agents, opaque ones too.

    A shard works in one batch. Peers send each other only what crosses from one shard to another, a server receives one
    sum a shard. A process that dies is placed anew, given the state of the last round that was kept, and asked again
    what it missed: the answer is as if nothing had happened.

    - `shards`: how many processes; one a core of the cluster when not given.
    - `address`: of a cluster, as `ray start --head` prints it; when not given, the one that this program has joined
      already or that RAY_ADDRESS names, or else a Ray of its own on this machine, which ends with the run. That one
      asks a worker that joins for a token that is drawn for this program; a cluster that asks for none is warned of.
    - `deadline`: seconds a round, opposite a server; then it goes on without the others if a `quorum` of the round's
      clients has answered, and late clients are not counted. Without one it waits for all that are alive.

    Raises `MissingExtra` without the extra `ray`, `MethodError` where the method cannot do without the answer of all,
    and `ShardLost` where a shard dies again and again, or the quorum is not reached in ten deadlines.

    >>> Ray(shards=2, deadline=10.0)
    Ray(shards=2, address=None, deadline=10.0, quorum=0.5)
    """

    shards: int | None = None
    address: str | None = None
    deadline: float | None = None
    quorum: float = 0.5

    def mapping(self, agents: Sequence[Any]) -> Answering:
        """A map over these agents, each where its shard is, for questions without rounds: what `accord.inference` asks.

        A process that dies ends it: nothing of such questions is kept.
        """
        if self.shards is not None and self.shards < 1:
            raise MethodError(f"Ray(shards={self.shards}): give at least one shard.")
        ray = ray_library()
        owned = _join(ray, self.address)
        count = min(self.shards or int(ray.cluster_resources().get("CPU", 1)), len(agents))
        return Answering(ray, [agents[k::count] for k in range(count)], owned)

    def start(self, plan: Plan) -> SyncWorkersSession | AsyncServerSession | AsyncPeersSession:
        """A session with an actor a shard."""
        session, timeouts = session_of(plan), Timeouts(self.deadline, self.quorum)
        check_timeouts(timeouts, plan, self)
        if self.shards is not None and self.shards < 1:
            raise MethodError(f"Ray(shards={self.shards}): give at least one shard.")
        ray = ray_library()
        with ExitStack() as undo:  # what has begun, where it is interrupted before it has begun as a whole
            if owned := _join(ray, self.address):
                undo.callback(ray.shutdown)
            cores = ray.cluster_resources().get("CPU", 1)
            parts, run = divide(plan, self.shards or int(cores)), new_run_id()
            actors = RayTransport(ray, parts, run, timeouts, min(1.0, cores / len(parts)), owned)
            undo.callback(actors.close)
            actors.place(range(len(parts)))
            begun = session(plan, parts, actors, run, timeouts)
            undo.pop_all()
            return begun


class Answering:
    """A map over agents that stay in the processes of their shards; these end when it is let go of."""

    def __init__(self, ray: Any, parts: Sequence[Sequence[Any]], owned: bool) -> None:
        kind = ray.remote(num_cpus=min(1.0, ray.cluster_resources().get("CPU", 1) / len(parts)))(Answerer)
        self.ray, self.actors = ray, [kind.remote(list(part)) for part in parts]
        weakref.finalize(self, _let_go, ray, self.actors, owned)

    def __call__(self, function: Callable[[Any], Any], agents: Sequence[Any]) -> Iterator[Any]:
        """Yield what the function returns for each agent, in their order."""
        told = self.ray.get([actor.answer.remote(function) for actor in self.actors])
        return (told[k % len(told)][k // len(told)] for k in range(len(agents)))


class Answerer:
    """An actor in which some agents are asked."""

    def __init__(self, agents: list[Any]) -> None:
        self.agents = agents

    def answer(self, function: Callable[[Any], Any]) -> list[Any]:
        """Return the function's value for each agent."""
        return [function(agent) for agent in self.agents]


def _let_go(ray: Any, actors: list[Any], owned: bool) -> None:
    if not ray.is_initialized():
        return
    for actor in actors:
        ray.kill(actor)
    if owned:
        ray.shutdown()


def _join(ray: Any, address: str | None) -> bool:
    """Join a Ray cluster, and return True where it was started here, which then ends here."""
    if ray.is_initialized():
        _warn_where_open()
        return False
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address.startswith("ray://"):
        raise MethodError(
            f"Ray(address={address!r}) is for a client outside the cluster, whom shards cannot reach. "
            "Start the program on a machine of the cluster, or with `ray job submit`."
        )
    if address == "local" and not {TOKEN, f"{TOKEN}_PATH"} & os.environ.keys():
        os.environ[TOKEN] = secrets.token_hex(32)  # else Ray keeps one in a file that others may read
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it starts programs, which is not the kind of fork that JAX warns of
            ray.init(address=address, **quiet, **({"include_dashboard": False} if address == "local" else {}))
    except ConnectionError as error:
        why = str(error.__cause__ or error).partition(" Note:")[0]
        raise ShardLost(
            f"The Ray cluster at {address!r} cannot be joined ({why}). Give the address that "
            "`ray start --head` printed and, where it asks for one, its token."
        ) from error
    _warn_where_open()
    return address == "local"


def _warn_where_open() -> None:
    """Warn where the cluster lets any party in: Ray runs what it is sent, with the rights of who has started it."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        warnings.warn(
            "This Ray asks nobody for a token: whoever reaches its ports runs code as you. Set RAY_AUTH_MODE="
            "token, and RAY_AUTH_TOKEN_PATH on every machine of a cluster; see the guide to clusters.",
            stacklevel=2,
        )
