-- Who sent the events of a row that were on removed days: empty while none of its days was removed, a keyed hash if one
-- installation sent all of them, `*` if several did or if it is unknown. A row that one installation sent leaves with
-- the last day that has events of it, and its hash leaves with it.
ALTER TABLE signature_counts ADD COLUMN sent_by TEXT NOT NULL DEFAULT '';
