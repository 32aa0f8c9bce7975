-- ?1: [[date, metric, value], ...]
INSERT INTO daily_stats (date, metric, value)
SELECT value ->> 0, value ->> 1, value ->> 2
FROM json_each(?1)
WHERE true
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
