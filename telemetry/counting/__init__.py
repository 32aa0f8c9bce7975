"""Counters and deltas: what events add to the aggregates, in memory, without a clock and without I/O."""
