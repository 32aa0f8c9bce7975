"""What is on disk: the event log, the aggregates, and everything that reads, moves or removes them."""
