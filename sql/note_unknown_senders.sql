-- ?1: a day that is removed although some or all of its events cannot be read.
UPDATE {table}
SET sent_by = '*'
WHERE {first_day} <= ?1 AND {last_day} >= ?1 AND sent_by != '*'
