-- ?1: the first day, ?2: the last, ?3: the most rows, then the key of the row before.
SELECT date, metric, value
FROM daily_stats
WHERE (date, metric) > (?4, ?5) AND date BETWEEN ?1 AND ?2
ORDER BY date, metric
LIMIT ?3
