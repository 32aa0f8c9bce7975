-- The extremes and the latest labels, as the others' events tell that are still there. A row that was first seen by the
-- newest day of which events are gone keeps its extremes: they may come from events that are gone.
UPDATE main.{table}
SET {corrected}
FROM remaining.{table} AS others
WHERE
    ({others_keys}) = ({table_keys})
    AND ({others_keys}) IN (SELECT {keys} FROM contribution.{table})
