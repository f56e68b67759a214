"""Channels, which change a message on its way: clear, clip, noise, fewer bytes, memory, chain."""

from accord.channels.channel import Chain, Channel, Clear, Clip, GaussianNoise, chain, clip, gaussian_noise
from accord.channels.compression import Compressed, natural, quantise, random_k, sign, top_k
from accord.channels.error_feedback import Changes, ErrorFeedback, changes, error_feedback
from accord.channels.hold_last import Silence, silence

__all__ = [
    "Chain",
    "Changes",
    "Channel",
    "Clear",
    "Clip",
    "Compressed",
    "ErrorFeedback",
    "GaussianNoise",
    "Silence",
    "chain",
    "changes",
    "clip",
    "error_feedback",
    "gaussian_noise",
    "natural",
    "quantise",
    "random_k",
    "sign",
    "silence",
    "top_k",
]
