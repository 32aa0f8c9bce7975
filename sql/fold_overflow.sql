-- After the recount: where fewer labels had a metric of their own when the events were counted, those beyond them were
-- counted as `<prefix>:other`, and still are; so is what came before a label got one. What was forgotten is added later.
WITH recounted AS (
    SELECT date, metric, sum(value) AS value
    FROM (
        SELECT date, metric, value FROM main.daily_stats
        UNION ALL
        SELECT date, metric, value FROM current.removed_stats WHERE date IN (SELECT day FROM whole_days)
    )
    GROUP BY date, metric
),
folded AS (
    SELECT counted.date, counted.metric, counted.value - coalesce(own.value, 0) AS value, overflow.metric AS other
    FROM recounted AS counted
    JOIN current.daily_stats AS overflow
        ON overflow.date = counted.date
        AND overflow.metric = substr(counted.metric, 1, instr(counted.metric, ':')) || 'other'
    LEFT JOIN recounted AS recounted_overflow
        ON recounted_overflow.date = overflow.date AND recounted_overflow.metric = overflow.metric
    LEFT JOIN current.daily_stats AS own ON own.date = counted.date AND own.metric = counted.metric
    WHERE
        counted.metric LIKE '%:%'
        AND counted.value > coalesce(own.value, 0)
        AND overflow.value > coalesce(recounted_overflow.value, 0)
)
INSERT INTO main.daily_stats (date, metric, value)
SELECT date, other, sum(value) FROM folded GROUP BY date, other
UNION ALL
SELECT date, metric, -value FROM folded WHERE true
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
