"""What happens to a message on its way: clear, clip, noise, chain."""

from accord.channels.channel import Chain, Channel, Clear, Clip, GaussianNoise, chain, clip, gaussian_noise

__all__ = ["Chain", "Channel", "Clear", "Clip", "GaussianNoise", "chain", "clip", "gaussian_noise"]
