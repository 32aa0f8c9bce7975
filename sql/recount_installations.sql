-- ?1: the day, ?2: how many installations its segment holds. Runs after the two metrics of that day were deleted.
-- What was taken over without raw events, and what was forgotten, adds to both.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, metric, sum(value)
FROM (
    SELECT 'unique_installations' AS metric, ?2 AS value
    UNION ALL
    SELECT 'new_installations', (SELECT count(*) FROM installations WHERE first_seen = ?1)
    UNION ALL
    SELECT metric, value
    FROM imported_stats
    WHERE date = ?1 AND metric IN ('unique_installations', 'new_installations')
    UNION ALL
    SELECT metric, value
    FROM removed_stats
    WHERE date = ?1 AND metric IN ('unique_installations', 'new_installations')
)
GROUP BY metric
HAVING sum(value) > 0
