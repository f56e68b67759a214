"""Every method there is. A method is tested, listed and documented by standing here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from accord.methods.contracts import Constants, Rule
from accord.methods.peers.accelerated_gradient_tracking import AcceleratedGradientTracking
from accord.methods.peers.adom_plus import ADOMPlus
from accord.methods.peers.asy_sonata import ASYSONATA
from accord.methods.peers.atc import ATC
from accord.methods.peers.atc_gradient_tracking import ATCGradientTracking
from accord.methods.peers.atg import ATG
from accord.methods.peers.beer import BEER
from accord.methods.peers.chebyshev_gossip import ChebyshevGossip
from accord.methods.peers.choco import CHOCO
from accord.methods.peers.consensus import AverageConsensus
from accord.methods.peers.cta import CTA
from accord.methods.peers.decentralized_admm import DecentralizedADMM
from accord.methods.peers.decentralized_prox_skip import DecentralizedProxSkip
from accord.methods.peers.dgd import DGD, DSGD
from accord.methods.peers.dlm import DLM
from accord.methods.peers.edge_admm import EdgeADMM
from accord.methods.peers.exact_diffusion import ExactDiffusion
from accord.methods.peers.extra import EXTRA
from accord.methods.peers.gradient_tracking import GradientTracking
from accord.methods.peers.gt_saga import GTSAGA
from accord.methods.peers.gt_sarah import GTSARAH
from accord.methods.peers.kgt import KGT
from accord.methods.peers.lead import LEAD
from accord.methods.peers.led import LED
from accord.methods.peers.lt_admm import LTADMM
from accord.methods.peers.msda import MSDA, SSDA
from accord.methods.peers.mudag import Mudag
from accord.methods.peers.newton_consensus import NewtonConsensus
from accord.methods.peers.nids import NIDS
from accord.methods.peers.opapc import APAPC, OPAPC
from accord.methods.peers.push_diging import PushDIGing
from accord.methods.peers.push_pull import PushPull
from accord.methods.peers.push_sum import PushSum
from accord.methods.peers.randomized_gossip import RandomizedGossip
from accord.methods.peers.robust_push_sum import RobustPushSum
from accord.methods.prices.accelerated_dual import AcceleratedDual
from accord.methods.prices.adal import ADAL
from accord.methods.prices.distributed_dual_subgradient import DistributedDualSubgradient
from accord.methods.prices.dual_decomposition import DualDecomposition
from accord.methods.prices.dual_subgradient import DualSubgradient
from accord.methods.prices.exchange_admm import ExchangeADMM
from accord.methods.prices.primal_decomposition import PrimalDecomposition
from accord.methods.prices.sharing_admm import SharingADMM
from accord.methods.prices.tracking_admm import TrackingADMM
from accord.methods.server.agnostic_minimax import AgnosticMinimax
from accord.methods.server.async_sgd import AsyncSGD
from accord.methods.server.climb import CLIMB
from accord.methods.server.consensus_admm import ConsensusADMM
from accord.methods.server.dane import DANE
from accord.methods.server.ditto import Ditto
from accord.methods.server.fedasync import FedAsync
from accord.methods.server.fedavg import FedAdagrad, FedAdam, FedAvg, FedAvgM, FedYogi
from accord.methods.server.fedbuff import FedBuff
from accord.methods.server.feddyn import FedDyn
from accord.methods.server.fedlt import FedLT
from accord.methods.server.fednl import FedNL
from accord.methods.server.fednova import FedNova
from accord.methods.server.fedpd import FedPD
from accord.methods.server.fedper import FedPer
from accord.methods.server.fedprox import FedProx
from accord.methods.server.fedsgd import FedSGD
from accord.methods.server.giant import GIANT
from accord.methods.server.loss_caps import LossCaps
from accord.methods.server.mimelite import MimeLite
from accord.methods.server.newton import Newton
from accord.methods.server.piag import PIAG
from accord.methods.server.qffl import QFFL
from accord.methods.server.rennala import Rennala
from accord.methods.server.ringmaster import Ringmaster
from accord.methods.server.scaffnew import Scaffnew
from accord.methods.server.scaffold import SCAFFOLD
from accord.methods.shared.local import SGD, GradientDescent, ProximalPoint
from accord.methods.traits import chapter_of, method, name_of, pattern_of

METHODS: tuple[Callable[..., Any], ...] = (
    FedSGD,
    FedAvg,
    FedAdam,
    FedYogi,
    FedAdagrad,
    FedAvgM,
    FedProx,
    SCAFFOLD,
    FedNova,
    FedDyn,
    MimeLite,
    FedPD,
    Scaffnew,
    ConsensusADMM,
    Newton,
    GIANT,
    DANE,
    FedNL,
    AsyncSGD,
    FedAsync,
    FedBuff,
    Rennala,
    Ringmaster,
    PIAG,
    QFFL,
    AgnosticMinimax,
    LossCaps,
    CLIMB,
    FedLT,
    Ditto,
    FedPer,
    RandomizedGossip,
    ASYSONATA,
    AverageConsensus,
    DGD,
    ATC,
    GradientTracking,
    EdgeADMM,
    CHOCO,
    LEAD,
    BEER,
    ChebyshevGossip,
    AcceleratedGradientTracking,
    SSDA,
    MSDA,
    APAPC,
    OPAPC,
    Mudag,
    ADOMPlus,
    NewtonConsensus,
    CTA,
    DSGD,
    EXTRA,
    NIDS,
    ExactDiffusion,
    ATCGradientTracking,
    PushSum,
    RobustPushSum,
    PushDIGing,
    PushPull,
    DecentralizedADMM,
    DLM,
    GTSAGA,
    GTSARAH,
    KGT,
    LED,
    LTADMM,
    DecentralizedProxSkip,
    ATG,
    DualDecomposition,
    AcceleratedDual,
    DualSubgradient,
    ExchangeADMM,
    SharingADMM,
    ADAL,
    PrimalDecomposition,
    TrackingADMM,
    DistributedDualSubgradient,
)

BY_NAME: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name_of(kind) if isinstance(kind, type) else kind.__name__.lower(): kind for kind in METHODS}
)
"""Methods and presets by the names they go by in studies and on the command line."""

KNOWN_AS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "aug_dgm": ("atc_gradient_tracking", "is ATCGradientTracking"),
        "d2": ("exact_diffusion", "is ExactDiffusion(lazy=False)"),
        "diging": ("gradient_tracking", "is GradientTracking"),
        "dsgt": ("gradient_tracking", "is GradientTracking"),
        "fedopt": ("fedavg", "is FedAvg with an optimizer at the server"),
        "fista": ("accelerated_dual", "on the dual of a shared constraint is AcceleratedDual"),
        "newton_raphson_consensus": ("newton_consensus", "is NewtonConsensus"),
        "next": ("atc_gradient_tracking", "is ATCGradientTracking"),
        "pg_extra": ("extra", "is EXTRA on a problem with a regularizer"),
        "proxskip": ("scaffnew", "is Scaffnew opposite a server, and DecentralizedProxSkip among peers"),
        "push_sum_with_running_sums": ("robust_push_sum", "is RobustPushSum"),
        "sonata": ("atc_gradient_tracking", "is ATCGradientTracking"),
    }
)
"""Published names of what goes by another name here: the method, and what it is of it."""

__all__ = [
    "AsyncSGD",
    "FedAsync",
    "FedBuff",
    "Rennala",
    "Ringmaster",
    "PIAG",
    "Newton",
    "GIANT",
    "DANE",
    "FedNL",
    "NewtonConsensus",
    "RandomizedGossip",
    "ASYSONATA",
    "DSGD",
    "BEER",
    "LEAD",
    "CHOCO",
    "CLIMB",
    "Ditto",
    "FedPer",
    "FedLT",
    "LossCaps",
    "AgnosticMinimax",
    "QFFL",
    "ATG",
    "DecentralizedProxSkip",
    "LTADMM",
    "LED",
    "KGT",
    "GTSARAH",
    "GTSAGA",
    "DLM",
    "DecentralizedADMM",
    "PushPull",
    "PushDIGing",
    "PushSum",
    "RobustPushSum",
    "ATCGradientTracking",
    "ExactDiffusion",
    "NIDS",
    "EXTRA",
    "CTA",
    "EdgeADMM",
    "ADAL",
    "AcceleratedDual",
    "DualSubgradient",
    "SharingADMM",
    "TrackingADMM",
    "PrimalDecomposition",
    "DistributedDualSubgradient",
    "FedProx",
    "ProximalPoint",
    "SCAFFOLD",
    "FedNova",
    "FedDyn",
    "MimeLite",
    "FedPD",
    "Scaffnew",
    "ConsensusADMM",
    "ADOMPlus",
    "APAPC",
    "MSDA",
    "OPAPC",
    "SSDA",
    "AcceleratedGradientTracking",
    "ChebyshevGossip",
    "Mudag",
    "ATC",
    "BY_NAME",
    "KNOWN_AS",
    "DGD",
    "METHODS",
    "SGD",
    "AverageConsensus",
    "Constants",
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
    "Rule",
    "chapter_of",
    "method",
    "name_of",
    "pattern_of",
]
