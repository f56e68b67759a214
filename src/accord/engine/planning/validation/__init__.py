"""Refusals: what does not fit together, with the number and the agent, before anything starts."""
