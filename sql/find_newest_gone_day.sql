-- The newest day of which raw events are gone: by retention, though the day may have been reached again since, or lost.
SELECT max(day)
FROM (
    SELECT day FROM main.segments WHERE watermark > 0 AND (retired_at IS NOT NULL OR retired > 0)
    UNION ALL
    SELECT day FROM remaining.lost_days
)
