-- The row of values is repeated; those beyond the last are null.
INSERT INTO daily_stats (date, metric, value)
SELECT *
FROM (VALUES (?, ?, ?))
WHERE column1 IS NOT NULL
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
