-- ?1: the first day of the period, ?2: the last.
SELECT metric, sum(value) AS total
FROM daily_stats
WHERE date BETWEEN ?1 AND ?2
GROUP BY metric
ORDER BY total DESC, metric
