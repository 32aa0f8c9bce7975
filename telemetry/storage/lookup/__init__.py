"""What ``query``, ``export`` and ``tail`` select from the aggregates and the log."""
