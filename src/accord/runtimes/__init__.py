"""The runtimes of a run: all agents in one compiled program, or shards of them in workers, here or on a cluster."""

from accord.runtimes.ray import Ray
from accord.runtimes.streamed import Streamed
from accord.runtimes.threads import Threads
from accord.runtimes.timed import Timed
from accord.runtimes.vectorised import Vectorised

__all__ = ["Ray", "Streamed", "Threads", "Timed", "Vectorised"]
