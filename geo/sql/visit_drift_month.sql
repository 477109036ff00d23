-- Where the totals of closed months differ from what their days come to; nothing when all is well. Reads both whole.
-- The days are added up by this query's own hand, not by what the trigger calls.
WITH day AS (
  SELECT station_id, day, method, sum(visits) AS reported, bool_or(complete) AS complete,
         CASE WHEN bool_or(complete) THEN sum(visits) FILTER (WHERE complete) ELSE sum(visits) END AS visits
    FROM visit_day
   WHERE last_on = day AND reports > 0 AND day < (SELECT read_before FROM visit_closing)
   GROUP BY 1, 2, 3
), official AS (
  SELECT DISTINCT ON (station_id, day) station_id, day, 'official' AS method, visits, complete,
         sum(reported) OVER (PARTITION BY station_id, day) AS reported
    FROM day
   ORDER BY station_id, day, complete DESC,
            CASE WHEN complete THEN array_position(CAST(:methods AS text[]), method) END, visits DESC
), month AS (
  SELECT station_id, CAST(date_trunc('month', CAST(day AS timestamp)) AS date) AS month, method, sum(visits) AS visits,
         sum(reported) AS reported, count(*) AS days, count(*) FILTER (WHERE NOT complete) AS partial_days
    FROM (SELECT station_id, day, method, visits, reported, complete FROM day
          UNION ALL SELECT station_id, day, method, visits, reported, complete FROM official) d
   GROUP BY 1, 2, 3
)
SELECT station_id, month, method, m.visits, n.visits AS from_days, m.reported, n.reported AS reported_by_days,
       m.days, n.days AS days_there, m.partial_days, n.partial_days AS partial_days_there
  FROM (SELECT * FROM visit_month WHERE month < (SELECT read_before FROM visit_closing)) m
  FULL JOIN month n USING (station_id, month, method)
 WHERE (m.visits, m.reported, m.days, m.partial_days)
       IS DISTINCT FROM (coalesce(n.visits, 0), coalesce(n.reported, 0), coalesce(n.days, 0), coalesce(n.partial_days, 0))
 ORDER BY station_id, month, method
