-- ?1: ids as a JSON array, ?2: today, ?3: how many installations of other days make those of today strangers.
-- A clock that jumps changes the day, so that all are of another one then.
SELECT installation_id
FROM installations
WHERE installation_id IN (SELECT value FROM json_each(?1))
    AND (
        first_seen != ?2
        OR (SELECT coalesce(sum(installations), 0) FROM last_seen_days WHERE last_seen != ?2) < ?3
    )
