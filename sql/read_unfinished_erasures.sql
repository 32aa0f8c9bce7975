-- The last two columns are null if the numbers are not taken out yet, or if an older program took them out.
SELECT installation_sha256, kind, counted_at, installation_ids, done_through
FROM erasures
LEFT JOIN erasing USING (installation_sha256)
WHERE finished_at IS NULL
