-- Who sent the events of a row whose days were removed: empty while no day was, a keyed hash if one installation sent all
-- of them, `*` if several did or nobody knows. A row that one has sent leaves with the last day that has events of it, and
-- the hash with the row.
ALTER TABLE signature_counts ADD COLUMN sent_by TEXT NOT NULL DEFAULT '';
