-- Runs before sql/advance_watermarks.sql. ?1: {"day": watermark, ...}, ?2: the version of the catalogue that counts.
INSERT INTO catalogue_versions (day, after_id, version)
SELECT day, watermark, ?2
FROM (
    SELECT
        key AS day,
        coalesce((SELECT watermark FROM segments WHERE day = key), 0) AS watermark,
        coalesce((SELECT version FROM catalogue_versions WHERE day = key ORDER BY after_id DESC LIMIT 1), 1) AS version
    FROM json_each(?1)
)
WHERE version != ?2
ON CONFLICT (day, after_id) DO UPDATE SET version = excluded.version
