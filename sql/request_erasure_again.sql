-- ?1: the SHA-256 of an installation's id, ?2: the kind, ?3: when it was asked for. Where the database knows that, or is
-- about to finish what was asked for before, nothing changes.
INSERT INTO erasures (installation_sha256, kind, requested_at)
VALUES (?1, ?2, ?3)
ON CONFLICT (installation_sha256) DO UPDATE SET
    kind = iif(kind = 'exclude', kind, excluded.kind),
    requested_at = excluded.requested_at,
    counted_at = NULL,
    finished_at = NULL
WHERE excluded.requested_at > requested_at AND (counted_at IS NULL) = (finished_at IS NULL)
