-- ?1: the SHA-256 of an installation's id, ?2: the kind, ?3: the time. Who was excluded stays so when it is forgotten.
-- Where events were taken out of the numbers and are still to be deleted, nothing changes: they would be taken out twice.
INSERT INTO erasures (installation_sha256, kind, requested_at)
VALUES (?1, ?2, ?3)
ON CONFLICT (installation_sha256) DO UPDATE SET
    kind = iif(kind = 'exclude', kind, excluded.kind),
    requested_at = excluded.requested_at,
    counted_at = NULL,
    finished_at = NULL
WHERE (counted_at IS NULL) = (finished_at IS NULL)
