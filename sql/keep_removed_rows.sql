-- What forgotten events have added, for recounts and exclusions to add. `contribution` was counted from them alone.
INSERT INTO main.removed_{table} ({columns})
SELECT {columns}
FROM contribution.{table}
WHERE true
ON CONFLICT ({keys}) DO UPDATE SET {removed_added}
