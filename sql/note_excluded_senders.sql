-- Who was excluded is known by no hash any more. What nothing is noted of is told by the events that are there.
UPDATE main.{table}
SET sent_by = '*'
WHERE ({keys}) IN (SELECT {keys} FROM contribution.{table}) AND sent_by != ''
