-- ?1: the day. Drops the staged events that the segment holds already; of equal ones as many as it holds.
DELETE FROM main.events
WHERE old_id IN (
    SELECT staged.old_id
    FROM (
        SELECT
            old_id, created_at, type, timestamp, installation_id, drift_version, payload,
            row_number() OVER (
                PARTITION BY created_at, type, timestamp, installation_id, drift_version, payload ORDER BY old_id
            ) AS nth
        FROM main.events
        WHERE day = ?1
    ) AS staged
    JOIN (
        SELECT created_at, type, timestamp, installation_id, drift_version, payload, count(*) AS copies
        FROM segment.events
        GROUP BY created_at, type, timestamp, installation_id, drift_version, payload
    ) AS stored USING (created_at, type, timestamp, installation_id, drift_version, payload)
    WHERE staged.nth <= stored.copies
)
