-- After the recount: the days of the past keep their numbers.
INSERT INTO main.daily_stats (date, metric, value)
SELECT date, metric, value
FROM current.daily_stats
WHERE date NOT IN (SELECT day FROM whole_days)
