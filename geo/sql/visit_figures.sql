-- Visits by bucket and group: the official total, whether it is only a lower bound, and the totals of each method.
-- Of a station, day and grain the official total is the most trusted complete method's, else the largest partial one
-- (visit_worth_v1). The closed months from :whole_from to before :whole_to come from visit_month, where they are added up
-- already; what is left of the span comes from visit_day.
-- What lasts longer than a day counts where its bucket holds it whole; it gives way to days that are all complete, and
-- otherwise stands for the days it covers. Of two that overlap, the complete, then the longer one counts. A bucket of
-- a station that has such a report comes from visit_day whole. Of closed months, stations are kept apart only where one
-- may have several in a bucket, and would be counted twice.
-- Rides station_pkey or station_region_idx, then visit_month_pkey, visit_day_longer_idx and visit_day_pkey once a station
-- (OFFSET 0 keeps the planner from reading all of a table for a part of the stations).
WITH RECURSIVE tree AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM tree t JOIN organisation o ON o.parent = t.code
), scope AS MATERIALIZED (
  SELECT s.id,
         CASE CAST(:group_by AS text)
           WHEN 'kind' THEN s.kind WHEN 'organisation' THEN coalesce(s.managed_by, '')
           WHEN 'province' THEN coalesce(s.province, '') WHEN 'city' THEN coalesce(s.city, s.province, '')
           WHEN 'district' THEN coalesce(s.district, s.city, s.province, '') ELSE '' END AS part
    FROM station s
   WHERE (CAST(:station AS uuid) IS NULL OR s.id = CAST(:station AS uuid))
     AND (CAST(:province AS text) IS NULL OR s.province = CAST(:province AS text))
     AND (CAST(:city AS text) IS NULL OR s.city = CAST(:city AS text))
     AND (CAST(:district AS text) IS NULL OR s.district = CAST(:district AS text))
     AND (CAST(:kind AS text) IS NULL OR s.kind = CAST(:kind AS text))
     AND (CAST(:organisation AS text) IS NULL OR s.managed_by IN (SELECT code FROM tree))
     AND (NOT CAST(:published AS boolean)
          OR s.publication_status IN ('published', 'delisted_duplicate', 'delisted_inactive'))
), longer AS MATERIALIZED (
  SELECT DISTINCT c.part, d.station_id, CAST(date_trunc(CAST(:bucket AS text), CAST(d.day AS timestamp)) AS date) AS start
    FROM scope c
    JOIN visit_day d ON d.station_id = c.id
   WHERE d.last_on > d.day AND d.day >= CAST(:first AS date) AND d.last_on <= CAST(:last AS date) AND d.reports > 0
     AND date_trunc(CAST(:bucket AS text), CAST(d.day AS timestamp))
       = date_trunc(CAST(:bucket AS text), CAST(d.last_on AS timestamp))
     AND (CAST(:method AS text) IS NULL OR d.method = CAST(:method AS text))
), piece AS (
  SELECT part, id, CAST(:first AS date) AS first, CAST(:whole_from AS date) - 1 AS last
    FROM scope WHERE CAST(:first AS date) < CAST(:whole_from AS date)
  UNION ALL
  SELECT part, id, CAST(:whole_to AS date), CAST(:last AS date)
    FROM scope WHERE CAST(:whole_to AS date) <= CAST(:last AS date)
  UNION ALL
  SELECT part, station_id, greatest(start, CAST(:whole_from AS date)),
         least(CAST(start + CAST('1 ' || CAST(:bucket AS text) AS interval) AS date), CAST(:whole_to AS date)) - 1
    FROM longer
), cell AS MATERIALIZED (
  SELECT p.part, d.station_id, d.day, d.last_on, d.method, d.visits,
         CAST(date_trunc(CAST(:bucket AS text), CAST(d.day AS timestamp)) AS date) AS start,
         visit_worth_v1(d.method, d.complete, d.visits) AS worth
    FROM piece p
   CROSS JOIN LATERAL (
     SELECT * FROM visit_day d
      WHERE d.station_id = p.id AND d.day BETWEEN p.first AND p.last
        AND d.last_on <= CAST(:last AS date) AND d.reports > 0
        AND (d.last_on = d.day OR date_trunc(CAST(:bucket AS text), CAST(d.day AS timestamp))
                                = date_trunc(CAST(:bucket AS text), CAST(d.last_on AS timestamp)))
        AND (CAST(:method AS text) IS NULL OR d.method = CAST(:method AS text))
     OFFSET 0) d
), month AS MATERIALIZED (
  SELECT part, start, method, CASE WHEN CAST(:bucket AS text) <> 'month' THEN station_id END AS station_id,
         sum(visits) AS visits, sum(reported) AS reported, sum(partial_days) = 0 AS complete, count(*) AS stations
    FROM (SELECT c.part, m.*,
                 CASE CAST(:bucket AS text) WHEN 'month' THEN m.month
                   ELSE CAST(date_trunc(CAST(:bucket AS text), CAST(m.month AS timestamp)) AS date) END AS start
            FROM scope c
           CROSS JOIN LATERAL (
             SELECT * FROM visit_month m
              WHERE m.station_id = c.id AND m.month >= CAST(:whole_from AS date) AND m.month < CAST(:whole_to AS date)
                AND m.days > 0 AND (CAST(:method AS text) IS NULL OR m.method = CAST(:method AS text))
             OFFSET 0) m) m
   WHERE (station_id, start) NOT IN (SELECT station_id, start FROM longer)
   GROUP BY 1, 2, 3, 4
), official AS MATERIALIZED (
  SELECT part, station_id, start, day, last_on, max(worth) % 1099511627776 AS visits, max(worth) >= 1099511627776 AS complete
    FROM cell GROUP BY part, station_id, start, day, last_on
), span AS MATERIALIZED (
  SELECT * FROM official o
   WHERE last_on > day
     AND NOT EXISTS (
       SELECT FROM official b
        WHERE b.station_id = o.station_id AND b.start = o.start AND b.last_on > b.day
          AND b.day <= o.last_on AND b.last_on >= o.day
          AND (b.complete, b.last_on - b.day, o.day) > (o.complete, o.last_on - o.day, b.day))
), standing AS (
  SELECT o.part, o.start, o.visits, o.complete
    FROM official o
   WHERE o.last_on = o.day
     AND NOT EXISTS (SELECT FROM span s WHERE s.station_id = o.station_id AND s.start = o.start
                       AND o.day BETWEEN s.day AND s.last_on)
  UNION ALL
  SELECT s.part, s.start,
         CASE WHEN i.whole = s.last_on - s.day + 1 THEN i.visits WHEN s.complete THEN s.visits
              ELSE greatest(s.visits, i.visits) END,
         s.complete OR i.whole = s.last_on - s.day + 1
    FROM span s
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(o.visits), 0) AS visits, count(*) FILTER (WHERE o.complete) AS whole
        FROM official o
       WHERE o.station_id = s.station_id AND o.last_on = o.day AND o.day BETWEEN s.day AND s.last_on) i
  UNION ALL
  SELECT part, start, visits, complete FROM month WHERE method = coalesce(CAST(:method AS text), 'official')
), total AS (
  SELECT part, start, sum(visits) AS visits, NOT bool_and(complete) AS lower_bound FROM standing GROUP BY part, start
), by_method AS (
  SELECT part, start, jsonb_object_agg(method, visits) AS by_method
    FROM (SELECT part, start, method, sum(visits) AS visits
            FROM (SELECT part, start, method, visits FROM cell
                  UNION ALL SELECT part, start, method, reported FROM month WHERE method <> 'official') r
           GROUP BY part, start, method) m
   GROUP BY part, start
), reporting AS (
  SELECT part, start, sum(stations) AS stations
    FROM (SELECT part, start, 1 AS stations
            FROM (SELECT part, start, station_id FROM official
                  UNION SELECT part, start, station_id FROM month WHERE station_id IS NOT NULL) o
           UNION ALL
          SELECT part, start, stations FROM month
           WHERE station_id IS NULL AND method = coalesce(CAST(:method AS text), 'official')) s
   GROUP BY part, start
)
SELECT t.part, t.start, CAST(t.visits AS bigint) AS visits, t.lower_bound, m.by_method, CAST(r.stations AS bigint) AS stations
  FROM total t JOIN by_method m USING (part, start) JOIN reporting r USING (part, start)
 ORDER BY t.part, t.start
