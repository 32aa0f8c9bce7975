-- ?1: the day that is removed, ?2 and ?3: the first and the last rowid in `senders` to look at. A row without a note that
-- was first seen on a removed day is older than these notes. sender_mark(): the keyed hash of an installation.
UPDATE main.{table}
SET sent_by = CASE
    WHEN senders.sender = '*' THEN '*'
    WHEN sent_by = sender_mark(senders.sender) THEN sent_by
    WHEN sent_by != '' THEN '*'
    WHEN {first_day} NOT IN (SELECT day FROM main.segments WHERE retired_at IS NULL) THEN '*'
    ELSE sender_mark(senders.sender)
END
FROM retiring.senders
WHERE
    senders.rowid BETWEEN ?2 AND ?3
    AND {is_senders}
    AND {table}.sent_by != '*'
    AND {first_day} <= ?1
