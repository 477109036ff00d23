-- Destroys the keys of visitors' tokens that are older than 48 hours. A table of three rows, which needs no index.
-- The row is locked by whoever is first; others find it gone.
DELETE FROM visitor_key WHERE made_at < now() - interval '48 hours' RETURNING day
