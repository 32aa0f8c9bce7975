-- ?1 to ?3: the kind of decisions, ?4: how many more were made for many patterns at once.
UPDATE action_aggregates
SET bulk_count = bulk_count + ?4
WHERE category = ?1 AND action = ?2 AND confidence_bucket = ?3
