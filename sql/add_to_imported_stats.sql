-- ?1: the day, ?2: its counts as {"metric": value, ...}.
INSERT INTO imported_stats (date, metric, value)
SELECT ?1, key, value
FROM json_each(?2)
