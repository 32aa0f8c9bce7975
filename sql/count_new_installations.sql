-- Runs after sql/find_changed_installations.sql. ?1: the day.
-- An installation is new on the earliest day it was seen; if that moves to an earlier day, the later one loses it.
INSERT INTO daily_stats (date, metric, value)
SELECT change.date, 'new_installations', sum(change.value)
FROM (
    SELECT ?1 AS date, 1 AS value
    FROM changed_installations
    WHERE first_seen IS NULL OR ?1 < first_seen
    UNION ALL
    SELECT first_seen, -1
    FROM changed_installations
    WHERE ?1 < first_seen
) AS change
GROUP BY change.date
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
