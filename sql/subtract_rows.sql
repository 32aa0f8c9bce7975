-- Only sums can be subtracted. sql/correct_rows.sql does the rest.
UPDATE main.{table}
SET {subtracted}
FROM contribution.{table} AS counted
WHERE ({counted_keys}) = ({table_keys})
