SELECT label, sums
FROM amounts
WHERE series = ? AND parent = ? AND label = ?
