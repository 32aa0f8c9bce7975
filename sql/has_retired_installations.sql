-- ?1: the oldest day that has a segment.
SELECT EXISTS (
    SELECT 1
    FROM last_seen_days
    WHERE
        installations > 0
        AND last_seen < ?1
        AND last_seen <= (SELECT max(day) FROM segments WHERE retired_at IS NOT NULL)
)
