-- ?1: the oldest day that has a segment, ?2: how many at most. An installation leaves with the last segment that has
-- events of it. Days do not always go in their order: an import brings old ones, and a clock is set back.
DELETE FROM installations
WHERE installation_id IN (
    SELECT installation_id
    FROM installations
    WHERE last_seen < ?1 AND last_seen <= (SELECT max(day) FROM segments WHERE retired_at IS NOT NULL)
    LIMIT ?2
)
