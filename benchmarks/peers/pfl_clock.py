"""FedAvg in pfl by the clock, for the tasks beside this file."""

from __future__ import annotations

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


class Clock(TrainingProcessCallback):
    def __init__(self) -> None:
        self.ends = [time.perf_counter()]

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self.ends.append(time.perf_counter())
        return False, Metrics()


def seconds_a_round(
    network: torch.nn.Module, X: np.ndarray, y: np.ndarray, *, cohort: int, rounds: int, warm: int
) -> float:
    """The median over all rounds but the first `warm`, each of one local epoch in batches of 20 at a step of 0.05.

    `X`: (clients, rows, ...). `y`: (clients, rows).
    """
    clients, rows = y.shape
    features, labels = torch.tensor(X.astype(np.float32)), torch.tensor(y)
    users = FederatedDataset(
        lambda k: Dataset((features[k], labels[k])), get_user_sampler("random", list(range(clients)))
    )
    model = PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), 1.0))
    clock = Clock()
    FederatedAveraging().run(
        NNAlgorithmParams(rounds, evaluation_frequency=rounds + 1, train_cohort_size=cohort, val_cohort_size=None),
        SimulatedBackend(users, users),
        model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.05, local_batch_size=20),
        NNEvalHyperParams(local_batch_size=rows),
        callbacks=[clock],
    )
    return float(np.median(np.diff(clock.ends)[warm:]))
