"""The whole idea on one screen, in nothing but NumPy: agents, a network, a message, an update, and when to stop.

Five agents on a ring each know a few rows; together they fit all of them by gradient tracking (Nedić, Olshevsky, Shi
2017).
"""

from typing import NamedTuple

import numpy as np

random = np.random.default_rng(0)
truth, K = np.array([1.0, -2.0]), 5
rows = [random.normal(size=(n, 2)) for n in (3, 5, 8, 4, 6)]  # private: agent k alone reads rows[k]
targets = [A @ truth + 0.1 * random.normal(size=len(A)) for A in rows]

p = np.array([len(A) for A in rows]) / sum(map(len, rows))  # what each agent counts
W = np.eye(K) / 3 + (np.roll(np.eye(K), 1, 1) + np.roll(np.eye(K), -1, 1)) / 3  # who hears whom, with what weight


class State(NamedTuple):
    x: np.ndarray  # (K, d) every agent's own model
    y: np.ndarray  # (K, d) trackers: each estimates the average gradient
    g: np.ndarray  # (K, d) own gradients at x


def gradients(x: np.ndarray) -> np.ndarray:
    """K p_k ∇f_k(x_k): weights enter in the oracles, so that the plain mean over agents is ∇F."""
    own = [A.T @ (A @ xk - b) / len(A) for A, b, xk in zip(rows, targets, x, strict=True)]
    return K * p[:, None] * np.array(own)


def objective(x: np.ndarray) -> float:
    """F = Σ p_k f_k at the weighted mean of the models."""
    losses = [((A @ (p @ x) - b) ** 2).mean() / 2 for A, b in zip(rows, targets, strict=True)]
    return float(p @ losses)


def round_of(state: State, step: float) -> State:
    """What leaves an agent is its x and y; W averages what was said; then each agent updates."""
    x = W @ state.x - step * state.y
    g = gradients(x)
    return State(x, W @ state.y + g - state.g, g)


def solve(step: float = 0.05, progress: float = 1e-12, agreement: float = 1e-12, window: int = 10) -> tuple[State, int]:
    """Go on until the objective no longer moves AND the agents agree: either alone misleads."""
    g = gradients(np.zeros((K, 2)))
    state, F = State(np.zeros((K, 2)), g, g), [np.inf] * window
    for t in range(10_000):
        F.append(objective(state.x))
        apart = p @ ((state.x - p @ state.x) ** 2).sum(1)
        if abs(F[-1 - window] - F[-1]) / window <= progress and apart <= agreement:
            return state, t
        state = round_of(state, step)
    raise RuntimeError("The agents found no agreement in 10,000 rounds. Take a shorter step.")


if __name__ == "__main__":
    state, rounds = solve()
    pooled = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    print(f"after {rounds} rounds the agents hold {state.x.mean(0).round(6)}; all rows together give {pooled.round(6)}")
