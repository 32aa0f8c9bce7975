-- ?1: how many at most. An installation leaves with the last segment that has events of it.
DELETE FROM installations
WHERE installation_id IN (
    SELECT installation_id
    FROM installations
    WHERE last_seen <= (SELECT max(day) FROM segments WHERE retired_at IS NOT NULL)
    LIMIT ?1
)
