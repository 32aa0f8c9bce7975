-- ?1: a day that was retired and is reached again. What was counted of it by then is gone with its old file.
UPDATE segments
SET retired_at = NULL, retired = watermark - erased
WHERE day = ?1
