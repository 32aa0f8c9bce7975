-- After the recount: what was forgotten adds to the days that have raw events.
INSERT INTO main.daily_stats (date, metric, value)
SELECT date, metric, value
FROM current.removed_stats
WHERE date IN (SELECT day FROM whole_days)
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
