-- After the recount: what was taken over without raw events adds to the days that have some now.
INSERT INTO main.daily_stats (date, metric, value)
SELECT date, metric, value
FROM current.imported_stats
WHERE date IN (SELECT day FROM whole_days)
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
