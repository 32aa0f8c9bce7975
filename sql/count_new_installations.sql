-- Runs before sql/add_installations.sql. ?1: the day, ?2: ids seen on it as a JSON array.
-- An installation is new on the earliest day it was seen; if that moves to an earlier day, the later one loses it.
INSERT INTO daily_stats (date, metric, value)
SELECT change.date, 'new_installations', sum(change.value)
FROM (
    SELECT ?1 AS date, 1 AS value
    FROM json_each(?2) AS seen
    LEFT JOIN installations AS known ON known.installation_id = seen.value
    WHERE known.installation_id IS NULL OR ?1 < known.first_seen
    UNION ALL
    SELECT known.first_seen, -1
    FROM json_each(?2) AS seen
    JOIN installations AS known ON known.installation_id = seen.value
    WHERE ?1 < known.first_seen
) AS change
GROUP BY change.date
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
