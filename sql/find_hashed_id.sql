-- One event whose installation id is a keyed hash, if there is one; a sealed segment finds it by its index.
SELECT 1
FROM events
WHERE
    installation_id >= 'h1_'
    AND installation_id < 'h1`'
    AND length(installation_id) = 35
LIMIT 1
