"""What the public reads: statistics made from the aggregates after each flush."""
