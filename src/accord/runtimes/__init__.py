"""Where a run happens."""

from accord.runtimes.vectorised import Vectorised

__all__ = ["Vectorised"]
