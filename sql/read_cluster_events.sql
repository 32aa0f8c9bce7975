SELECT
    installation_id,
    indexOf([{days}], toString(day)) - 1 AS place,
    node_id,
    id,
    cityHash64(type, timestamp, payload) AS digest,
    type,
    drift_version,
    if(type IN ({types}), payload, '') AS read_payload,
    type IN ({types}) AS has_payload,
    multiIf(
        type = 'ci_detected', 1,
        position(payload, '"context":"') = 0, 0,
        position(payload, '"context":"ci"') > 0, 1,
        position(payload, '"context":"agent"') > 0, 2,
        position(payload, '"context":"human"') > 0, 4,
        0
    ) AS caller
FROM (SELECT {columns} FROM {events} FINAL WHERE day IN ({days}) OR (day >= {since} AND day < {first}))
ORDER BY installation_id, day, created_at, node_id, id
