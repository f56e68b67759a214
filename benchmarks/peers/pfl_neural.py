"""The MLP and the CNN in pfl: prints seconds a round. Run by the Python of an environment with `pfl` and `torch`."""

from __future__ import annotations

import sys

import numpy as np
import torch
from pfl_clock import seconds_a_round
from torch import nn

CLIENTS, ROWS, SIDE, CLASSES = 100, 100, 28, 10


def layers(kind: str) -> nn.Sequential:
    if kind == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, CLASSES))
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(784, CLASSES, bias=False),
    )


class Network(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layers = layers(kind)

    def loss(self, images: torch.Tensor, labels: torch.Tensor, eval: bool = False) -> torch.Tensor:
        return nn.functional.cross_entropy(self.layers(images), labels)

    def metrics(self, images: torch.Tensor, labels: torch.Tensor) -> dict:
        return {}


def main() -> None:
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)  # more than one is slower, see benchmarks
    r = np.random.default_rng(0)
    X = r.standard_normal((CLIENTS, ROWS, 1, SIDE, SIDE))
    y = r.integers(0, CLASSES, (CLIENTS, ROWS))
    print(seconds_a_round(Network(sys.argv[1]), X, y, cohort=CLIENTS, rounds=15, warm=3))


if __name__ == "__main__":
    main()
