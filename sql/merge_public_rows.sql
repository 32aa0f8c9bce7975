-- ?1: the period of the table.
INSERT INTO main.{table}
SELECT * FROM old.{table} WHERE window_start IN (SELECT window_start FROM temp.kept WHERE period = ?1)
UNION ALL
SELECT * FROM draft.{table} WHERE window_start NOT IN (SELECT window_start FROM temp.kept WHERE period = ?1)
ORDER BY {order}
