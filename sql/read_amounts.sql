SELECT amount, value, installations
FROM amounts
WHERE series = ? AND parent = ? AND label = ?
ORDER BY amount
