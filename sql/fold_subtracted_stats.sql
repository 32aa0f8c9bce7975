-- Runs after sql/subtract_daily_stats.sql. Before a label had a metric of its own on a day, it was counted as
-- `<prefix>:other`: what was subtracted of it beyond its own count is taken from there.
WITH folded AS (
    SELECT counted.date, counted.metric, counted.value, overflow.metric AS other
    FROM main.daily_stats AS counted
    JOIN main.daily_stats AS overflow
        ON overflow.date = counted.date
        AND overflow.metric = substr(counted.metric, 1, instr(counted.metric, ':')) || 'other'
    WHERE
        counted.value < 0
        AND counted.metric LIKE '%:%'
        AND (counted.date, counted.metric) IN (SELECT date, metric FROM contribution.daily_stats)
)
INSERT INTO main.daily_stats (date, metric, value)
SELECT date, other, sum(value) FROM folded GROUP BY date, other
UNION ALL
SELECT date, metric, -value FROM folded WHERE true
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
