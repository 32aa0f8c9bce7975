SELECT label, installations, observations, members
FROM nodes
WHERE series = ? AND parent = ?
ORDER BY label
