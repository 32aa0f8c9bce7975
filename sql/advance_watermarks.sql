-- ?1: {"day": watermark, ...}
INSERT INTO segments (day, watermark)
SELECT key, value
FROM json_each(?1)
WHERE true
ON CONFLICT (day) DO UPDATE SET watermark = max(watermark, excluded.watermark)
