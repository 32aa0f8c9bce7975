-- Who was forgotten is known by no hash any more, and its events are no longer there to tell that it has sent a row.
UPDATE main.{table}
SET sent_by = '*'
WHERE ({keys}) IN (SELECT {keys} FROM contribution.{table})
