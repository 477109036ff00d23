-- Stations of a region (or the one) with visits of days from `first` to `last` on which they were closed by their hours,
-- given as rules and days, or that one of their closures touches: the days and their visits, with the closures, for
-- both to be judged together. Rides station_region_idx or station_pkey, then visit_day_pkey once a station.
WITH closed AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:hours AS text[]), CAST(:calendars AS text[]), CAST(:days AS date[])) AS c(hours, calendar, day)
)
SELECT v.days, v.visits, s.opening_hours, s.hours_calendar, s.closures,
       s.id, s.code, s.name, s.managed_by, coalesce(s.district, s.city, s.province) AS adcode,
       ST_X(CAST(s.location AS geometry)) AS lon, ST_Y(CAST(s.location AS geometry)) AS lat
  FROM station s
 CROSS JOIN LATERAL (
   SELECT array_agg(d.day ORDER BY d.day) AS days, array_agg(d.visits ORDER BY d.day) AS visits
     FROM (SELECT day, max(visits) AS visits
             FROM visit_day
            WHERE station_id = s.id AND day BETWEEN CAST(:first AS date) AND CAST(:last AS date) AND last_on = day AND visits > 0
            GROUP BY day) d
    WHERE (s.opening_hours, s.hours_calendar, d.day) IN (SELECT hours, calendar, day FROM closed)
       OR (s.closures <> '[]' AND EXISTS (
         SELECT FROM jsonb_array_elements(s.closures) c
          WHERE CAST(c ->> 'starts_at' AS timestamptz) < CAST(d.day + 1 AS timestamp) AT TIME ZONE 'Asia/Shanghai'
            AND coalesce(CAST(c ->> 'ends_at' AS timestamptz) > CAST(d.day AS timestamp) AT TIME ZONE 'Asia/Shanghai', true)))
 ) v
 WHERE v.days IS NOT NULL
   AND CASE WHEN CAST(:station AS uuid) IS NOT NULL THEN s.id = CAST(:station AS uuid)
            ELSE s.publication_status = 'published' END
   AND CASE CAST(:level AS text)
         WHEN 'province' THEN s.province = CAST(:region AS text)
         WHEN 'city' THEN s.city = CAST(:region AS text)
         WHEN 'district' THEN s.district = CAST(:region AS text)
         ELSE true END
 ORDER BY s.id
