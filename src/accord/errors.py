"""The errors of Accord, in one form: *what is wrong, with the number and the agent; what to do.*

```
AccordError
├── ProblemError     the problem as posed: loss, weights, coupling, starting point
│   ├── DataError    one agent's data: names the agent and the field
│   └── SeparationError  a coefficient that has no finite estimate: names the column, the level and the agents
├── NetworkError     the graph or its mixing weights: names the measured violation
├── MethodError      a method that cannot do this problem, network or hyper-parameter
├── ClockError       a virtual clock of impossible times or chances, or of other agents
├── StudyError       a study file: names the key and the line
├── UnknownName      a name that nothing has; offers the nearest
│   └── UnknownKeyword   a keyword that a function or a class does not have
├── AgentError       an agent failed at its work: carries that agent's own traceback
├── ShardLost        a shard of agents dies again and again or contradicts itself, or too few answer in time
├── SavedRunError    a saved run or checkpoint that is damaged, or of another run
├── DisclosureError  an agent's own limits refuse what is asked: names the agent, the number and the limit
└── MissingExtra     an optional library that is not installed; tells how to install it
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AccordError(Exception):
    """The root: `except accord.errors.AccordError` catches all that Accord refuses."""


class ProblemError(AccordError, ValueError):
    """The problem as posed cannot be solved: its loss, weights, coupling or starting point."""


class DataError(ProblemError):
    """One agent's data are unusable; the message names the agent and the field."""


class SeparationError(ProblemError):
    """A coefficient runs away while the likelihood stands: its column separates events from the rest."""


class DisclosureError(AccordError, PermissionError):
    """An agent refuses a question by limits of its own; the message names the agent, the number and the limit."""


class NetworkError(AccordError, ValueError):
    """The graph or its weights break what the method asks; the message carries the measured violation."""


class MethodError(AccordError, ValueError):
    """The method cannot do this problem, over this network, with these hyper-parameters."""


class ClockError(AccordError, ValueError):
    """A virtual clock has times or chances that cannot be, or is of another number of agents."""


class StudyError(AccordError, ValueError):
    """A study file is wrong; the message names the key and the line."""


class UnknownName(AccordError, LookupError):
    """A name that nothing has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        super().__init__(f"No {kind} is called {name!r}{where}. {_nearest(name, sorted(known))}")


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"There is: {', '.join(known)}."


class UnknownKeyword(UnknownName, TypeError):
    """A keyword that a function or a class does not have."""

    def __init__(self, owner: str, name: str, known: Iterable[str], hint: str = "") -> None:
        known = sorted(known)
        AccordError.__init__(self, f"{owner} has no argument called {name!r}. {hint or _nearest(name, known)}")


class AgentError(AccordError, RuntimeError):
    """An agent failed at its work; its own traceback is the cause."""

    def __init__(self, agent: int, trace: str) -> None:
        self.agent, self.trace = agent, trace
        super().__init__(f"Agent {agent} failed, and the run stopped with it. Its traceback:\n{trace}")


class ShardLost(AccordError, RuntimeError):
    """A shard of agents dies again and again or contradicts itself, or too few answer in time for the run to go on."""


class SavedRunError(AccordError, ValueError):
    """A saved run or a checkpoint is damaged, or belongs to another run."""


class MissingExtra(AccordError, ImportError):
    """An optional library is not installed."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed. In a checkout of Accord: pip install '.[{extra}]'"
        )


class InexactWarning(UserWarning):
    """An agent's inner solver stopped before its end, so that a run is only as exact as what it answered."""
