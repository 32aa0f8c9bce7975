UPDATE main.{table}
SET {adopted}
FROM expected.{table} AS others
WHERE ({others_keys}) = ({table_keys}) AND ({others_compared}) IS NOT ({table_compared})
