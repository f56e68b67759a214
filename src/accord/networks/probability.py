"""The probabilities of faults."""

from __future__ import annotations

from accord.errors import NetworkError


def probability_of(fault: str, chance: float) -> float:
    """Refuse a probability of a fault that is none, or one."""
    if not 0 <= chance < 1:
        raise NetworkError(
            f"{fault}({chance}): give a chance of at least 0 and below 1; at 1 nobody would ever be heard."
        )
    return float(chance)
