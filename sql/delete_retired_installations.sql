-- ?1: the oldest day that has a segment, ?2 and ?3: ids above and up to which to look. An installation leaves with the
-- last segment that has events of it. Days do not always come in order: imports bring old ones, and clocks are set back.
DELETE FROM installations
WHERE
    installation_id > ?2
    AND installation_id <= ?3
    AND last_seen < ?1
    AND last_seen <= (SELECT max(day) FROM segments WHERE retired_at IS NOT NULL)
