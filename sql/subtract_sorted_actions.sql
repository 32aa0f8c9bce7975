-- ?1 to ?3: the kind of decisions, ?4 to ?6: what the raw events tell of it.
UPDATE unsorted_actions
SET count = count - ?4, hours = hours - ?5, bulk_count = bulk_count - ?6
WHERE category = ?1 AND action = ?2 AND confidence_bucket = ?3
