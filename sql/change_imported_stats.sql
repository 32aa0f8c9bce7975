-- ?1: the day, ?2: its new counts as {"metric": value, ...}. Runs before imported_stats is changed.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, metric, sum(value)
FROM (
    SELECT key AS metric, value FROM json_each(?2)
    UNION ALL
    SELECT metric, -value FROM imported_stats WHERE date = ?1
)
WHERE true
GROUP BY metric
HAVING sum(value) != 0
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
