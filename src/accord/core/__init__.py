"""The foundations, which know no agent: numbers, trees of arrays, keys, devices, when to stop."""
