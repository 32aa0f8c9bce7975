-- ?1: the first day that may date a row, ?2: the last, ?3: the most rows, then the key of the row before.
SELECT {exported}
FROM {table}
WHERE ({keys}) > ({key_marks}) AND {dated_by} BETWEEN ?1 AND ?2 AND {is_row}
ORDER BY {keys}
LIMIT ?3
