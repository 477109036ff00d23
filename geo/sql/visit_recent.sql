-- What stations reported, one row a station: the totals from its first arriving day to its last, the `recent` latest
-- before, and those longer than a day that began up to `long_days` before; and where estimates arrive, the last day of
-- a count that sees everybody, and the first estimate after it.
-- A station of which one day arrives (`count`) is left out where nothing recorded can make that odd: no report of that
-- day, none longer than a day, and too few that are equal, round, or a fifth of it.
-- Rides visit_day_pkey, once a station; lengths and methods are looked at in the index.
SELECT a.station_id, CAST(r.periods AS text) AS periods, c.counted_on, e.estimated_since
  FROM unnest(CAST(:stations AS uuid[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]), CAST(:counts AS integer[]),
              CAST(:estimated AS boolean[])) AS a(station_id, first, last, count, estimated)
 CROSS JOIN LATERAL (
   SELECT CASE WHEN a.count IS NULL OR a.estimated OR bool_or(p.day = a.first OR p.last_on > p.day)
                 OR count(*) FILTER (WHERE p.visits = a.count) >= CAST(:fewest AS integer) - 1
                 OR (a.count % CAST(:round AS integer) = 0 AND
                     count(*) FILTER (WHERE p.visits > 0 AND p.visits % CAST(:round AS integer) = 0)
                     >= CAST(:fewest AS integer) - 1)
                 OR count(*) FILTER (WHERE p.visits * CAST(:times AS integer) < a.count) > CAST(:fewest AS integer) / 2
               THEN array_to_json(array_agg(p)) END AS periods
     FROM (SELECT d.day, d.last_on, d.method, d.complete, d.visits, d.reports
             FROM visit_day d
            WHERE d.station_id = a.station_id AND d.day BETWEEN a.first AND a.last AND d.reports > 0
           UNION ALL
           (SELECT d.day, d.last_on, d.method, d.complete, d.visits, d.reports
              FROM visit_day d
             WHERE d.station_id = a.station_id AND d.day < a.first AND d.reports > 0
             ORDER BY d.day DESC LIMIT CAST(:recent AS integer))
           UNION ALL
           SELECT d.day, d.last_on, d.method, d.complete, d.visits, d.reports
             FROM visit_day d
            WHERE d.station_id = a.station_id AND d.day >= a.first - CAST(:long_days AS integer) AND d.day < a.first
              AND d.last_on > d.day AND d.reports > 0) p) r
  LEFT JOIN LATERAL (
   SELECT max(d.day) AS counted_on
     FROM visit_day d
    WHERE a.estimated AND d.station_id = a.station_id AND d.day BETWEEN a.last - 366 AND a.last
      AND d.complete AND d.method <> 'estimate' AND d.reports > 0) c ON true
  LEFT JOIN LATERAL (
   SELECT min(d.day) AS estimated_since
     FROM visit_day d
    WHERE a.estimated AND d.station_id = a.station_id AND d.day BETWEEN a.last - 366 AND a.last
      AND d.day > coalesce(c.counted_on, a.last - 367) AND d.method = 'estimate' AND d.reports > 0) e ON true
 WHERE a.count IS NULL OR a.estimated OR r.periods IS NOT NULL
