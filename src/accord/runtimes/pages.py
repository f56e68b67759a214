"""The pages that a cohort's rows are read in."""

from __future__ import annotations

import numpy as np

from accord.engine.planning.plan import Plan
from accord.problems.data.rows import Rows
from accord.problems.data.shards import concatenated, pack_blocks
from accord.problems.problem import in_precision


def fetched_rows(plan: Plan, ks: np.ndarray, length: int, room: int, largest: int) -> Rows:
    """Return the rows of these agents, in `room` pages, or in twice as many, and so on, where that is not enough."""
    problem, sizes = plan.problem, plan.problem.sizes[ks]
    rows = problem.shards.rows(ks) if problem.stored else concatenated([problem.shards[k] for k in ks])
    while room < page_count(sizes, length):
        room *= 2
    return pack_blocks(in_precision(rows, plan.dtype), sizes, length, largest, room)


def page_count(sizes: np.ndarray, length: int) -> int:
    """Give the number of pages of so many rows an agent."""
    return int((-(-sizes // length)).sum())


def page_room(sizes: np.ndarray, length: int, chances: np.ndarray) -> int:
    """Pages that a cohort needs hardly ever more of: six standard deviations above the mean, or the most there can be.

    `chances`: of each agent to be asked. A cohort that needs more has its round compiled anew.
    """
    each, cohort = -(-sizes // length), round(chances.sum())
    if cohort == len(sizes):
        return int(each.sum())
    mean = chances @ each / cohort
    likely = cohort * mean + 6 * np.sqrt(chances @ (each - mean) ** 2)
    return int(min(np.ceil(likely), cohort * each.max()))
