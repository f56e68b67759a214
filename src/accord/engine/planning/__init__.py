"""The planning, from a request to a plan: checks, constants, step sizes, cost."""
