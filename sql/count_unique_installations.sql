-- Runs after sql/find_changed_installations.sql. ?1: the day.
INSERT INTO daily_stats (date, metric, value)
SELECT ?1, 'unique_installations', unseen
FROM (SELECT count(*) AS unseen FROM changed_installations WHERE is_unseen)
WHERE unseen > 0
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
