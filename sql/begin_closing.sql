INSERT INTO published_windows (period, window_start, last_day, state, segments)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (period, window_start) DO NOTHING
