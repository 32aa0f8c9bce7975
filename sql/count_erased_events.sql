-- The watermark of a day includes what is erased from its segment.
UPDATE main.segments
SET erased = erased + counted.events
FROM (
    SELECT date, sum(value) AS events
    FROM contribution.daily_stats
    WHERE metric LIKE 'events:%'
    GROUP BY date
) AS counted
WHERE counted.date = segments.day
