-- ?1: the oldest day that has a segment.
SELECT EXISTS (
    SELECT 1
    FROM installations
    WHERE last_seen < ?1 AND last_seen <= (SELECT max(day) FROM segments WHERE retired_at IS NOT NULL)
)
