-- ?1: the SHA-256 of an installation's id, ?2: when its exclusion was undone. An exclusion requested later stays.
UPDATE erasures
SET kind = 'forget'
WHERE installation_sha256 = ?1 AND kind = 'exclude' AND requested_at <= ?2
