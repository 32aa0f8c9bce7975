"""The aggregates database: what the events of all days add up to, and what is known of each segment."""
