-- No hash of a forgotten installation may stay, and its raw events, which told what it had sent, are gone.
UPDATE main.{table}
SET sent_by = '*'
WHERE ({keys}) IN (SELECT {keys} FROM contribution.{table})
