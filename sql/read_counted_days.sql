-- The days that have numbers or a segment, where nothing was ever taken over from the old worker.
SELECT date FROM daily_stats WHERE value != 0
UNION
SELECT day FROM segments
