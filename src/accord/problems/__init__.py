"""The problems to solve: agents with private data, ready-made problems, shared constraints."""

from accord.core.pytrees import pytree
from accord.problems.coupling import Market
from accord.problems.data import splits as partition
from accord.problems.data.arrow import from_arrow
from accord.problems.data.stored import Stored, generated
from accord.problems.instances import power_grid as grids
from accord.problems.instances.ev_charging import Charging, Fleet, charging
from accord.problems.instances.hard_instance import floor_of_hard_instance, hard_instance
from accord.problems.instances.power_flow import OptimalPowerFlow, optimal_power_flow
from accord.problems.library import dispatch, lasso, least_squares, logistic, neural_network, quadratic, softmax, svm
from accord.problems.opaque import Opaque
from accord.problems.problem import Coupled, Problem
from accord.problems.regularizers import L1, Box, Budget, GroupL2, Simplex

__all__ = [
    "L1",
    "Box",
    "Budget",
    "Charging",
    "Coupled",
    "Fleet",
    "GroupL2",
    "Market",
    "Opaque",
    "OptimalPowerFlow",
    "Problem",
    "Simplex",
    "Stored",
    "charging",
    "dispatch",
    "floor_of_hard_instance",
    "from_arrow",
    "generated",
    "grids",
    "hard_instance",
    "lasso",
    "least_squares",
    "logistic",
    "neural_network",
    "optimal_power_flow",
    "partition",
    "pytree",
    "quadratic",
    "softmax",
    "svm",
]
