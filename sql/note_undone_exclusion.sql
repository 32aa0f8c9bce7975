-- ?1: the SHA-256 of an installation's id, ?2: when its exclusion was undone.
INSERT INTO undone_exclusions (installation_sha256, undone_at)
VALUES (?1, ?2)
ON CONFLICT (installation_sha256) DO UPDATE SET undone_at = max(undone_at, excluded.undone_at)
