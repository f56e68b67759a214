"""Distributed optimisation: many agents, each with private data, find one answer without pooling it."""

from accord import aggregation, channels, errors, methods, networks, problems, runtimes
from accord.channels import chain, clip, gaussian_noise
from accord.history import Run
from accord.methods import (
    AcceleratedGradientTracking,
    ChebyshevGossip,
    APAPC,
    ATC,
    DGD,
    MSDA,
    OPAPC,
    SCAFFOLD,
    SGD,
    SSDA,
    AverageConsensus,
    DualDecomposition,
    ExchangeADMM,
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedNova,
    FedProx,
    FedSGD,
    FedYogi,
    GradientDescent,
    GradientTracking,
    Mudag,
    ProximalPoint,
)
from accord.problems import Coupled, Opaque, Problem
from accord.run import run
from accord.stopping import Stop

__version__ = "0.1.0"

__all__ = [
    "FedProx", "ProximalPoint", "SCAFFOLD", "FedNova",
    "APAPC", "MSDA", "OPAPC", "SSDA", "AcceleratedGradientTracking", "ChebyshevGossip", "Mudag",
    "ATC",
    "AverageConsensus",
    "Coupled",
    "DGD",
    "DualDecomposition",
    "ExchangeADMM",
    "FedAdagrad",
    "FedAdam",
    "FedAvg",
    "FedAvgM",
    "FedSGD",
    "FedYogi",
    "GradientDescent",
    "GradientTracking",
    "Opaque",
    "Problem",
    "Run",
    "SGD",
    "Stop",
    "aggregation",
    "chain",
    "channels",
    "clip",
    "errors",
    "gaussian_noise",
    "methods",
    "networks",
    "problems",
    "run",
    "runtimes",
]
