-- What looks odd about the counts of the published stations of a region, or of one station, of the days from `first` on
-- (longer reports from `long_first` on) to `last`: a row for each station, flag and method (each run of equal numbers
-- has its own), with the days it is about, how many times, the number of the latest and, of high ones, the median.
-- As geo/anomalies.py flags at entry, over more days. Lengths (`grain`) are a day, up to a week, up to a month, longer;
-- only like is compared with like. Station by station, so that nothing is sorted that does not fit in memory.
-- Rides station_region_idx or station_pkey, then visit_day_pkey once a station; the hours of days with few reports
-- are read from the ledger, by visit_pkey.
WITH here AS MATERIALIZED (
  SELECT s.id FROM station s
   WHERE CASE WHEN CAST(:station AS uuid) IS NOT NULL THEN s.id = CAST(:station AS uuid)
              ELSE s.publication_status = 'published' END
     AND CASE CAST(:level AS text)
           WHEN 'province' THEN s.province = CAST(:region AS text)
           WHEN 'city' THEN s.city = CAST(:region AS text)
           WHEN 'district' THEN s.district = CAST(:region AS text)
           ELSE true END
)
SELECT o.*, s.id, s.code, s.name, s.managed_by, coalesce(s.district, s.city, s.province) AS adcode,
       ST_X(CAST(s.location AS geometry)) AS lon, ST_Y(CAST(s.location AS geometry)) AS lat
  FROM here h
 CROSS JOIN LATERAL (
   WITH period AS MATERIALIZED (
     SELECT d.day, d.last_on, d.method COLLATE "C" AS method, d.complete, d.visits, d.reports,
            CASE WHEN d.last_on = d.day THEN 1 WHEN d.last_on - d.day < 7 THEN 7 WHEN d.last_on - d.day < 31 THEN 31
                 ELSE 366 END AS grain
       FROM visit_day d
      WHERE d.station_id = h.id AND d.day BETWEEN CAST(:long_first AS date) AND CAST(:last AS date) AND d.reports > 0
        AND (d.day >= CAST(:first AS date) OR d.last_on > d.day)
   ), numbered AS MATERIALIZED (
     SELECT l.*, sum(CAST(NOT same AS integer)) OVER series AS run, count(*) OVER (PARTITION BY method, complete, grain) - n AS ago
       FROM (SELECT p.*, row_number() OVER series AS n, coalesce(visits = lag(visits) OVER series, false) AS same
               FROM period p WINDOW series AS (PARTITION BY method, complete, grain ORDER BY day)) l
     WINDOW series AS (PARTITION BY method, complete, grain ORDER BY day)
   ), usual AS (
     SELECT grain, CASE WHEN complete THEN '' ELSE method END AS part,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY visits) AS visits
       FROM period GROUP BY 1, 2
     HAVING count(*) > CAST(:fewest AS integer)
   ), few AS (
     SELECT day, method FROM period WHERE last_on = day
      GROUP BY day, method HAVING sum(reports) BETWEEN 2 AND CAST(:most_reports AS integer)
   ), shared AS (
     SELECT r.method, r.day AS first, r.day AS last, r.count AS visits
       FROM (SELECT v.method, v.count, v.started_at, visit_day_v1(v.started_at) AS day,
                    max(v.ended_at) OVER (PARTITION BY v.method ORDER BY v.started_at, v.ended_at NULLS LAST
                                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS running
               FROM visit v
              WHERE EXISTS (SELECT FROM few) AND v.station_id = h.id AND v.reverses IS NULL
                AND (v.method, visit_day_v1(v.started_at)) IN (SELECT method, day FROM few)
                AND (v.ended_at IS NULL OR v.ended_at - v.started_at <= interval '24 hours')
                AND NOT EXISTS (SELECT FROM visit r WHERE r.station_id = h.id AND r.reverses = v.id)) r
      WHERE r.started_at < r.running
     UNION ALL
     SELECT a.method, a.day, a.last_on, a.visits
       FROM period a
      WHERE a.last_on > a.day
        AND (a.reports > 1 OR EXISTS (
          SELECT FROM period b
           WHERE b.method = a.method AND b.day <= a.last_on AND b.last_on >= a.day
             AND (b.day, b.last_on) <> (a.day, a.last_on)))
   )
   SELECT 'equal_periods' AS flag, method, min(day) AS first, max(last_on) AS last, count(*) AS times, visits,
          CAST(NULL AS float8) AS usual
     FROM numbered WHERE visits > 0
    GROUP BY method, complete, grain, visits, run HAVING count(*) >= CAST(:fewest AS integer)
   UNION ALL
   SELECT 'multiples_of_ten', method, min(day), max(last_on), count(*), max(visits) FILTER (WHERE ago = 0), NULL
     FROM numbered WHERE ago <= CAST(:recent AS integer)
    GROUP BY method, complete, grain
   HAVING count(*) FILTER (WHERE visits > 0) >= CAST(:fewest AS integer) AND bool_and(visits % CAST(:round AS integer) = 0)
   UNION ALL
   SELECT 'above_median', p.method, min(p.day), max(p.last_on), count(*), (array_agg(p.visits ORDER BY p.day DESC))[1],
          max(u.visits)
     FROM period p JOIN usual u ON u.grain = p.grain AND u.part = CASE WHEN p.complete THEN '' ELSE p.method END
    WHERE u.visits > 0 AND p.visits >= CAST(:small AS integer) AND p.visits > CAST(:times AS integer) * u.visits
    GROUP BY p.method, p.complete
   UNION ALL
   SELECT 'overlapping_periods', method, min(first), max(last), count(*), (array_agg(visits ORDER BY last DESC))[1], NULL
     FROM shared GROUP BY method
   UNION ALL
   SELECT 'long_estimate', d.method, min(d.day), max(d.last_on), count(*), (array_agg(d.visits ORDER BY d.day DESC))[1], NULL
     FROM visit_day d
    WHERE EXISTS (SELECT FROM period WHERE method = 'estimate')
      AND d.station_id = h.id AND d.day BETWEEN CAST(:long_first AS date) AND CAST(:last AS date)
      AND d.method = 'estimate' AND d.reports > 0
      AND d.day > coalesce((SELECT max(c.last_on) FROM visit_day c
                             WHERE c.station_id = h.id AND c.complete AND c.method <> 'estimate' AND c.reports > 0
                               AND c.day BETWEEN CAST(:long_first AS date) AND CAST(:last AS date)),
                           CAST('-infinity' AS date))
    GROUP BY d.method HAVING max(d.last_on) - min(d.day) > CAST(:estimate_days AS integer)) o
  JOIN station s ON s.id = h.id
 ORDER BY h.id, o.flag, o.first, o.method
