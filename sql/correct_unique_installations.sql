-- ?1: the day, ?2: the installations that its segment holds.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, 'unique_installations', ?2 + coalesce(sum(value), 0)
FROM (
    SELECT value FROM imported_stats WHERE date = ?1 AND metric = 'unique_installations'
    UNION ALL
    SELECT value FROM removed_stats WHERE date = ?1 AND metric = 'unique_installations'
)
WHERE true
ON CONFLICT (date, metric) DO UPDATE SET value = excluded.value
