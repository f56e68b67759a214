"""The engine, from a request to numbers: the plan, the rounds, the events, the records."""
