"""What is on disk: the event log in daily segments, and the aggregates database beside it."""
