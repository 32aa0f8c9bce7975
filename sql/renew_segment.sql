-- ?1: a day that was retired and gets events again. The events that were counted before are gone with its old file.
UPDATE segments
SET retired_at = NULL, retired = watermark - erased
WHERE day = ?1
