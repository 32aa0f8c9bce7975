SELECT EXISTS (
    SELECT 1
    FROM installations
    WHERE last_seen <= (SELECT max(day) FROM segments WHERE retired_at IS NOT NULL)
)
