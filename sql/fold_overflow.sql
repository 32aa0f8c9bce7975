-- After the recount: where fewer labels had a metric of their own when the events were counted, those beyond them were
-- counted as `<prefix>:other`, and still are.
WITH folded AS (
    SELECT counted.date, counted.metric, counted.value, overflow.metric AS other
    FROM main.daily_stats AS counted
    JOIN current.daily_stats AS overflow
        ON overflow.date = counted.date
        AND overflow.metric = substr(counted.metric, 1, instr(counted.metric, ':')) || 'other'
    LEFT JOIN main.daily_stats AS recounted
        ON recounted.date = overflow.date AND recounted.metric = overflow.metric
    LEFT JOIN current.daily_stats AS own ON own.date = counted.date AND own.metric = counted.metric
    WHERE
        counted.metric LIKE '%:%'
        AND own.metric IS NULL
        AND overflow.value > coalesce(recounted.value, 0)
)
INSERT INTO main.daily_stats (date, metric, value)
SELECT date, other, sum(value) FROM folded GROUP BY date, other
UNION ALL
SELECT date, metric, -value FROM folded WHERE true
ON CONFLICT (date, metric) DO UPDATE SET value = daily_stats.value + excluded.value
