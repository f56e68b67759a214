"""Modules that were renamed after version 0.1: their old paths lead to them for one release, and warn."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NAMES = {
    "accord.aggregation": "accord.robustness.aggregation",
    "accord.attacks": "accord.robustness.attacks",
    "accord.problems.grids": "accord.problems.instances.power_grid",
    "accord.problems.partition": "accord.problems.data.splits",
}
"""Public names of a package that stay, wherever their file is."""

RENAMED = {
    "accord.diagnosis": (
        "accord.engine.planning.tuning",
        "accord.engine.planning.constants",
    ),
    "accord.history": ("accord.results.run",),
    "accord.methods.base": (
        "accord.methods.contracts",
        "accord.methods.traits",
    ),
    "accord.methods.gossip": ("accord.methods.shared.multi_round_gossip",),
    "accord.methods.gradients": ("accord.methods.shared.stochastic",),
    "accord.methods.local": ("accord.methods.shared.local",),
    "accord.methods.mass": ("accord.methods.shared.weighted_sum",),
    "accord.methods.rules": ("accord.methods.defaults",),
    "accord.problems.agents": ("accord.problems.agent",),
    "accord.problems.central": ("accord.problems.centralised",),
    "accord.problems.clearing": ("accord.problems.centralised_coupled",),
    "accord.problems.encoding": ("accord.problems.data.encoding",),
    "accord.problems.tables": ("accord.problems.from_table",),
    "accord.pytrees": ("accord.core.pytrees",),
    "accord.reports": ("accord.results.reports",),
    "accord.runtimes.plan": ("accord.engine.planning.plan",),
    "accord.saving": ("accord.results.saving",),
    "accord.stopping": ("accord.core.stopping",),
}
"""Old path of a module -> where what it held is now."""


class OldPaths(MetaPathFinder, Loader):
    """An importer of modules by the paths that they had."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Claim an old path, and no other."""
        return ModuleSpec(fullname, self) if fullname in NAMES or fullname in RENAMED else None

    def exec_module(self, module: ModuleType) -> None:
        """Stand in for the old module: by the new one, or by the names of several."""
        old = module.__name__
        if old in NAMES:
            sys.modules[old] = import_module(NAMES[old])
            return
        new = RENAMED[old]
        advice = f"{old} is {' and '.join(new)} now. Import from there: the old path goes with the next release."
        warnings.warn(advice, DeprecationWarning, stacklevel=2)
        found = [import_module(path) for path in new]
        if len(found) == 1:
            sys.modules[old] = found[0]
        for one in reversed(found):
            module.__dict__.update({name: value for name, value in vars(one).items() if not name.startswith("__")})


def follow() -> None:
    """Let old paths be imported, once."""
    if not any(isinstance(one, OldPaths) for one in sys.meta_path):
        sys.meta_path.append(OldPaths())
