"""From a request to a plan: checks, constants, step sizes, cost."""
