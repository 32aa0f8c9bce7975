-- Runs after sql/find_changed_installations.sql. ?1: the day.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, 'unique_installations', count(*)
FROM changed_installations
WHERE is_unseen
HAVING count(*) > 0
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
