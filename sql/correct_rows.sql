-- The extremes and the latest labels, as the others' events tell that are still there. What was seen first on a day
-- without raw events stays so.
UPDATE main.{table}
SET {corrected}
FROM remaining.{table} AS others
WHERE
    ({others_keys}) = ({table_keys})
    AND ({others_keys}) IN (SELECT {keys} FROM contribution.{table})
