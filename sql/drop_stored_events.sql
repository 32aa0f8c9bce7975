-- ?1: the day. Drops the staged events that the segment holds already; of equal ones as many as it holds.
-- stored_id(): the id as it would be stored today.
DELETE FROM main.events
WHERE old_id IN (
    SELECT old_id
    FROM (
        SELECT
            old_id, created_at, type, timestamp, installation_id, drift_version, payload,
            row_number() OVER (
                PARTITION BY created_at, timestamp, type, installation_id, drift_version, payload ORDER BY old_id
            ) AS nth
        FROM main.events
        WHERE day = ?1
    )
    -- A join would be looked up by one column; this is by all.
    WHERE (created_at, timestamp, type, installation_id, drift_version, payload, nth) IN (
        SELECT
            created_at, timestamp, type, stored_id(installation_id), drift_version, coalesce(payload, '{}'),
            row_number() OVER (
                PARTITION BY
                    created_at, timestamp, type, stored_id(installation_id), drift_version, coalesce(payload, '{}')
            )
        FROM segment.events
    )
)
