-- ?1: the period of the table. An older version may have published without some of the columns.
INSERT INTO main.{table}
SELECT {columns} FROM {source}.{table} WHERE window_start IN (SELECT window_start FROM temp.kept WHERE period = ?1)
UNION ALL
SELECT * FROM draft.{table} WHERE window_start NOT IN (SELECT window_start FROM temp.kept WHERE period = ?1)
ORDER BY {order}
