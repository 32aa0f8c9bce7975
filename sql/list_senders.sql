-- The keys of the rows that count a segment's events, each with the only installation that sent these events, or `*`.
CREATE TABLE senders AS
SELECT
    {key_values},
    iif(
        min(installation_id) = max(installation_id) AND lower(min(installation_id)) NOT IN {placeholders},
        min(installation_id),
        '*'
    ) AS sender
FROM source.events
WHERE type = {event_type} AND json_valid(payload)
GROUP BY {key_numbers}
ORDER BY {key_numbers}
