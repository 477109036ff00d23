-- Which of these reports share time with a recorded one of the same station and method that is not reversed, among
-- `looked_at` rows of the station's. Asked for the few of whose day something is recorded; what is recorded itself, as
-- all of a file that is sent again, is passed over. Rides visit_pkey, by station and by key.
SELECT a.station_id, a.id
  FROM unnest(CAST(:station_ids AS uuid[]), CAST(:ids AS uuid[]), CAST(:methods AS text[]),
              CAST(:started_ats AS timestamptz[]), CAST(:ended_ats AS timestamptz[]))
       AS a(station_id, id, method, started_at, ended_at)
 WHERE CASE WHEN EXISTS (SELECT FROM visit WHERE station_id = a.station_id AND id = a.id) THEN false ELSE EXISTS (
   SELECT FROM (SELECT * FROM visit WHERE station_id = a.station_id LIMIT CAST(:looked_at AS integer)) v
    WHERE v.method = a.method AND v.reverses IS NULL
      AND (v.ended_at IS NOT NULL OR a.ended_at IS NOT NULL)
      AND v.started_at < coalesce(a.ended_at, a.started_at + interval '1 microsecond')
      AND coalesce(v.ended_at, v.started_at + interval '1 microsecond') > a.started_at
      AND NOT EXISTS (SELECT FROM visit r WHERE r.station_id = a.station_id AND r.reverses = v.id)) END
