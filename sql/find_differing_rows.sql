-- The keys of rows that are not what they are expected to be.
CREATE TEMP TABLE {table}_keys AS
SELECT {keys}
FROM (
    SELECT {checked} FROM main.{table} WHERE {is_row}
    EXCEPT
    SELECT {checked} FROM expected.{table} WHERE {is_row}
)
UNION
SELECT {keys}
FROM (
    SELECT {checked} FROM expected.{table} WHERE {is_row}
    EXCEPT
    SELECT {checked} FROM main.{table} WHERE {is_row}
)
