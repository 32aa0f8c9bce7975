-- ?1: the last id, ?2: the types whose payload is read, as JSON, ?3: the place of the day in the window; `indexed` says
-- whether the index is used that sealing makes, or the events are sorted. By installation. `kind` is all that most series read: who ran the tool (1 a pipeline, 2
-- an agent, 4 a person, 0 nobody knows), the type and the version. Who ran it is searched for as text, because a payload
-- that another program wrote need not be JSON.
SELECT
    installation_id,
    ?3,
    CASE
        WHEN type = 'ci_detected' THEN 1
        WHEN NOT instr(payload, '"context":"') THEN 0
        WHEN instr(payload, '"context":"ci"') THEN 1
        WHEN instr(payload, '"context":"agent"') THEN 2
        WHEN instr(payload, '"context":"human"') THEN 4
        ELSE 0
    END || type || char(31) || drift_version AS kind,
    CASE WHEN type IN (SELECT value FROM json_each(?2)) THEN coalesce(payload, '') END
FROM events {indexed}
WHERE id <= ?1
ORDER BY installation_id, id
