SELECT period, window_start, last_day, state, segments, generation, digest, ledger
FROM published_windows
