-- ?1: the time, ?2: the SHA-256 of the installation's id.
UPDATE erasures
SET counted_at = coalesce(counted_at, ?1), finished_at = ?1
WHERE installation_sha256 = ?2
