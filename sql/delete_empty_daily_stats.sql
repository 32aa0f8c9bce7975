-- A label that nobody else has used is not shown any more, and leaves its place to another.
DELETE FROM main.daily_stats
WHERE
    value = 0
    AND (date, metric) IN (SELECT date, metric FROM contribution.daily_stats)
