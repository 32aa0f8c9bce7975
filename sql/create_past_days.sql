-- Days that were counted from raw events which are no longer there, or not all of them.
CREATE TABLE past_days AS
SELECT date AS day FROM current.daily_stats
WHERE
    value != 0
    AND date NOT IN (SELECT day FROM whole_days)
    AND NOT EXISTS (
        SELECT 1 FROM current.imported_stats AS imported
        WHERE imported.date = daily_stats.date AND imported.metric = daily_stats.metric
    )
UNION
SELECT day FROM current.segments WHERE watermark > 0 AND day NOT IN (SELECT day FROM whole_days)
