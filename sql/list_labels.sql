-- The labels of one day, with how many installations and events have them. ?1: how many of each kind at most.
WITH sound AS (
    SELECT installation_id, type, drift_version, CASE WHEN json_valid(payload) THEN payload ELSE '{}' END AS payload
    FROM events
),

labels (kind, label, installation_id) AS (
    SELECT 'type', type, installation_id FROM sound WHERE type <> 'benchmark-result'
    UNION ALL
    SELECT 'version', drift_version, installation_id FROM sound
    UNION ALL
    SELECT 'category', json_extract(payload, '$.category'), installation_id
    FROM sound
    WHERE type IN ('pattern_signature', 'user_action')
    UNION ALL
    SELECT 'language', json_extract(payload, '$.language'), installation_id
    FROM sound
    WHERE type IN ('pattern_signature', 'parse_timing')
    UNION ALL
    SELECT 'method', json_extract(payload, '$.detectionMethod'), installation_id
    FROM sound
    WHERE type = 'pattern_signature'
    UNION ALL
    SELECT 'signature', json_extract(payload, '$.patternId'), installation_id
    FROM sound
    WHERE type = 'pattern_signature'
    UNION ALL
    SELECT 'function', json_extract(payload, '$.function'), installation_id
    FROM sound
    WHERE type IN ('native_calls', 'napi.bridge.latency')
    UNION ALL
    SELECT 'size_tier', json_extract(payload, '$.codebaseSizeTier'), installation_id
    FROM sound
    WHERE type = 'aggregate_stats'
    UNION ALL
    SELECT 'framework', listed.value, installation_id
    FROM sound, json_each(payload, '$.frameworks') AS listed
    WHERE sound.type = 'aggregate_stats'
    UNION ALL
    SELECT 'feature', listed.value, installation_id
    FROM sound, json_each(payload, '$.featuresEnabled') AS listed
    WHERE sound.type = 'aggregate_stats'
    UNION ALL
    SELECT named.value ->> 0, json_extract(sound.payload, named.value ->> 1), NULL
    FROM sound, json_each('[["tool", "$.tool"], ["corpus", "$.corpus"], ["level", "$.level"], ["measure", "$.category"]]')
        AS named
    WHERE sound.type = 'benchmark-result'
),

counted AS (
    SELECT
        kind,
        label,
        count(DISTINCT installation_id) AS installations,
        count(*) AS events,
        row_number() OVER (PARTITION BY kind ORDER BY count(DISTINCT installation_id) DESC, label) AS place
    FROM labels
    WHERE label IS NOT NULL
    GROUP BY kind, label
)

SELECT kind, label, installations, events
FROM counted
WHERE place <= ?1
