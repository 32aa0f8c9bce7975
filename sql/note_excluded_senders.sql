-- No hash of an excluded installation may stay. Rows without a note stay so: their raw events still tell who sent them.
UPDATE main.{table}
SET sent_by = '*'
WHERE ({keys}) IN (SELECT {keys} FROM contribution.{table}) AND sent_by != ''
