-- ?1: the series, ?2: the parent, ?3: the labels that join `other`, as JSON, ?4: the threshold. Children with fewer
-- installations, and labels that are not shown, join it too.
SELECT nodes.label, amounts.sums
FROM nodes JOIN amounts USING (series, parent, label)
WHERE nodes.series = ?1 AND nodes.parent = ?2 AND (
    nodes.installations < ?4 OR nodes.label = 'other' OR nodes.label IN (SELECT value FROM json_each(?3))
)
ORDER BY nodes.label
