"""Where a run happens: all agents in one compiled program, or each in a worker."""

from accord.runtimes.links.threads import Threads
from accord.runtimes.vectorised import Vectorised

__all__ = ["Threads", "Vectorised"]
