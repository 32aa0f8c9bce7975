-- ?1: the SHA-256 of an installation's id. What was erased stays so: it is as if the installation had been forgotten.
UPDATE erasures
SET kind = 'forget'
WHERE installation_sha256 = ?1 AND kind = 'exclude' AND finished_at IS NOT NULL
