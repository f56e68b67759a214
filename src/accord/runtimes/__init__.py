"""Where a run happens: all agents in one compiled program, or each in a worker."""

from accord.runtimes.links.threads import Threads
from accord.runtimes.streamed import Streamed
from accord.runtimes.timed import Timed
from accord.runtimes.vectorised import Vectorised

__all__ = ["Streamed", "Threads", "Timed", "Vectorised"]
