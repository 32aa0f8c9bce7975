-- The days that have a segment, or numbers other than those taken over from the old worker.
SELECT date
FROM (
    SELECT date, metric, value FROM daily_stats WHERE value != 0
    EXCEPT
    SELECT date, metric, value FROM imported_stats
)
UNION
SELECT day FROM segments
