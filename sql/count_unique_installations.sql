-- Runs before sql/add_installations.sql. ?1: the day, ?2: ids seen on it as a JSON array.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, 'unique_installations', count(*)
FROM json_each(?2) AS seen
LEFT JOIN installations AS known ON known.installation_id = seen.value
WHERE
    known.installation_id IS NULL
    OR ?1 > known.last_seen
    OR NOT ((known.days_seen >> min(julianday(known.last_seen) - julianday(?1), 61)) & 1)
HAVING count(*) > 0
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
