-- ?1: the day. Drops the staged events that the segment already holds; of equal events, as many as the segment has.
-- stored_id(): the id as it would be stored today. identity(): what tells events apart.
DELETE FROM main.events
WHERE old_id IN (
    SELECT old_id
    FROM (
        SELECT old_id, identity, row_number() OVER (PARTITION BY identity ORDER BY old_id) AS nth
        FROM main.events
        WHERE day = ?1
    )
    -- SQLite looks this up by both columns; a join would use only one.
    WHERE (identity, nth) IN (
        SELECT stored, row_number() OVER (PARTITION BY stored)
        FROM (
            SELECT
                identity(
                    created_at, type, timestamp, stored_id(installation_id), drift_version, coalesce(payload, '{}')
                ) AS stored
            FROM segment.events
        )
    )
)
