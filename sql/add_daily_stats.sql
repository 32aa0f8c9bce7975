-- ?1: [[date, metric, value], ...]
INSERT INTO daily_stats (date, metric, value)
SELECT value ->> 0, value ->> 1, value ->> 2
-- Without the limit the value would be made anew for each of its columns. In order, neighbours share pages.
FROM (SELECT value FROM json_each(?1) LIMIT -1)
WHERE true
ORDER BY value ->> 0
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
