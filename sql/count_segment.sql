-- After sealing: both counts are read from indexes. An id `unknown` is no installation.
SELECT
    (SELECT count(*) FROM events),
    (SELECT count(*) FROM (SELECT DISTINCT installation_id FROM events WHERE installation_id != 'unknown'))
