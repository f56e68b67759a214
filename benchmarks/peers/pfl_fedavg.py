"""The FedAvg task in pfl: prints seconds a round. Run by the Python of an environment with `pfl` and `torch`."""

from __future__ import annotations

import sys

import numpy as np
import torch
from pfl_clock import seconds_a_round

CLIENTS, ROWS, FEATURES, CLASSES = 100, 200, 784, 10


class Softmax(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(FEATURES, CLASSES, bias=False)
        torch.nn.init.zeros_(self.linear.weight)

    def loss(self, features: torch.Tensor, labels: torch.Tensor, eval: bool = False) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(self.linear(features), labels)

    def metrics(self, features: torch.Tensor, labels: torch.Tensor) -> dict:
        return {}


def main() -> None:
    torch.set_num_threads(1)
    r = np.random.default_rng(0)
    X = r.standard_normal((CLIENTS, ROWS, FEATURES))
    W = r.standard_normal((FEATURES, CLASSES)) / np.sqrt(FEATURES)
    y = np.argmax(X @ W + 0.5 * r.standard_normal((CLIENTS, ROWS, CLASSES)), -1)
    print(seconds_a_round(Softmax(), X, y, cohort=int(sys.argv[1]), rounds=40, warm=5))


if __name__ == "__main__":
    main()
