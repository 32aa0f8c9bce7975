-- ?1: a day that is removed though its events cannot be read, or not all of them.
UPDATE {table}
SET sent_by = '*'
WHERE {first_day} <= ?1 AND {last_day} >= ?1 AND sent_by != '*'
