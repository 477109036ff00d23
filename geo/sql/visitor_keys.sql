-- The keys of today's and yesterday's visitor tokens, today's first; made when it is missing, and those older than
-- 48 hours destroyed. A key that another transaction makes at this moment is read by the second asking.
WITH gone AS (
  DELETE FROM visitor_key WHERE made_at < now() - interval '48 hours'
), made AS (
  INSERT INTO visitor_key (day, key)
  SELECT CAST(:today AS date), CAST(:key AS bytea)
   WHERE NOT EXISTS (SELECT FROM visitor_key WHERE day = CAST(:today AS date))
  ON CONFLICT (day) DO NOTHING
  RETURNING day, key
)
SELECT day, key FROM made
UNION ALL
SELECT day, key FROM visitor_key
 WHERE day >= CAST(:today AS date) - 1 AND made_at >= now() - interval '48 hours'
ORDER BY day DESC
