-- The events of others that bear on the same signatures and decisions. ?1: the ids of an installation as a
-- JSON array, ?2 and ?3: ids above and up to which events are read.
SELECT id, created_at, type, timestamp, installation_id, drift_version, payload
FROM events
WHERE
    installation_id NOT IN (SELECT value FROM json_each(?1))
    AND id > ?2
    AND id <= ?3
    AND CASE
        WHEN NOT json_valid(payload) THEN 0
        WHEN type = 'pattern_signature' THEN
            payload ->> 'signatureHash' IN (SELECT signature_hash FROM contribution.pattern_signatures)
        WHEN type = 'user_action' THEN
            (payload ->> 'category', payload ->> 'action')
            IN (SELECT category, action FROM contribution.action_aggregates)
            -- Pairs beyond the bound are counted as others together.
            OR (
                ('other', 'other') IN (SELECT category, action FROM contribution.action_aggregates)
                AND (payload ->> 'category', payload ->> 'action')
                NOT IN (SELECT category, action FROM current.action_aggregates)
            )
        ELSE 0
    END
ORDER BY id
LIMIT ?4
