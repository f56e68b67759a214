"""The MLP and the CNN in pfl: prints seconds a round. Run by the Python of an environment with `pfl` and `torch`."""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Metrics
from pfl.model.pytorch import PyTorchModel
from torch import nn

CLIENTS, ROWS, SIDE, CLASSES = 100, 100, 28, 10


def layers(kind: str) -> nn.Sequential:
    if kind == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, CLASSES))
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(784, CLASSES, bias=False),
    )  # fmt: skip


class Network(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layers = layers(kind)

    def loss(self, images: torch.Tensor, labels: torch.Tensor, eval: bool = False) -> torch.Tensor:
        return nn.functional.cross_entropy(self.layers(images), labels)

    def metrics(self, images: torch.Tensor, labels: torch.Tensor) -> dict:
        return {}


class Clock(TrainingProcessCallback):
    def __init__(self) -> None:
        self.ends = [time.perf_counter()]

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self.ends.append(time.perf_counter())
        return False, Metrics()


def main() -> None:
    kind, rounds = sys.argv[1], 15
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)  # more than one is slower, see benchmarks
    r = np.random.default_rng(0)
    X = r.standard_normal((CLIENTS, ROWS, 1, SIDE, SIDE)).astype(np.float32)
    y = r.integers(0, CLASSES, (CLIENTS, ROWS))
    X, y = torch.tensor(X), torch.tensor(y)
    users = FederatedDataset(lambda k: Dataset((X[k], y[k])), get_user_sampler("random", list(range(CLIENTS))))
    network = Network(kind)
    model = PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), 1.0))
    clock = Clock()
    FederatedAveraging().run(
        NNAlgorithmParams(rounds, evaluation_frequency=rounds + 1, train_cohort_size=CLIENTS, val_cohort_size=None),
        SimulatedBackend(users, users), model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.05, local_batch_size=20),
        NNEvalHyperParams(local_batch_size=ROWS), callbacks=[clock],
    )  # fmt: skip
    print(float(np.median(np.diff(clock.ends)[3:])))


if __name__ == "__main__":
    main()
