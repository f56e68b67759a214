"""A population of agents: questions to all, answers from all, never their rows."""
