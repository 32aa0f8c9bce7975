-- ?1: the day, ?2: how many installations its segment holds. Runs after the two metrics of that day were deleted.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, metric, value
FROM (
    SELECT 'unique_installations' AS metric, ?2 AS value
    UNION ALL
    SELECT 'new_installations', (SELECT count(*) FROM installations WHERE first_seen = ?1)
)
WHERE value > 0
