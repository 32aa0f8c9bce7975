-- After the recount: events that were counted as `other` before their name got a row of its own stay there. It got one
-- when an exclusion had made room.
WITH folded AS (
    SELECT {recounted_keys}, {surplus}
    FROM main.{table} AS recounted
    JOIN current.{table} AS own ON ({own_keys}) = ({recounted_keys})
    JOIN current.{table} AS overflow ON ({overflow_keys}) = ({recounted_overflow})
    LEFT JOIN main.{table} AS recounted_overflow ON ({recounted_overflow_keys}) = ({recounted_overflow})
    WHERE
        ({recounted_names}) != ({overflow_name})
        AND recounted.{count} > own.{count}
        AND overflow.{count} > coalesce(recounted_overflow.{count}, 0)
)
INSERT INTO main.{table} ({keys}, {values})
SELECT {overflow_columns}, {surplus_sum} FROM folded GROUP BY {overflow_group}
UNION ALL
SELECT {keys}, {surplus_negated} FROM folded WHERE true
ON CONFLICT ({keys}) DO UPDATE SET {folded}
