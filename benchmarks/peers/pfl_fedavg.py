"""The FedAvg task in pfl: prints seconds a round. Run by the Python of an environment with `pfl` and `torch`."""

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


class Clock(TrainingProcessCallback):
    def __init__(self) -> None:
        self.ends = [time.perf_counter()]

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self.ends.append(time.perf_counter())
        return False, Metrics()


def main() -> None:
    cohort, rounds = int(sys.argv[1]), 40
    torch.set_num_threads(1)
    r = np.random.default_rng(0)
    X = r.standard_normal((CLIENTS, ROWS, FEATURES))
    W = r.standard_normal((FEATURES, CLASSES)) / np.sqrt(FEATURES)
    y = np.argmax(X @ W + 0.5 * r.standard_normal((CLIENTS, ROWS, CLASSES)), -1)
    X, y = torch.tensor(X.astype(np.float32)), torch.tensor(y)
    users = FederatedDataset(lambda k: Dataset((X[k], y[k])), get_user_sampler("random", list(range(CLIENTS))))
    network = Softmax()
    model = PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), 1.0))
    clock = Clock()
    FederatedAveraging().run(
        NNAlgorithmParams(rounds, evaluation_frequency=rounds + 1, train_cohort_size=cohort, val_cohort_size=None),
        SimulatedBackend(users, users), model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.05, local_batch_size=20),
        NNEvalHyperParams(local_batch_size=ROWS), callbacks=[clock],
    )  # fmt: skip
    print(float(np.median(np.diff(clock.ends)[5:])))


if __name__ == "__main__":
    main()
