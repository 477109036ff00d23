-- The published stations of a region (or one) with what their visitors tell: the last day with a visit, the last
-- check-in that found the station in use or its information right, checks inside posted hours and how many found it open
-- in the last `days` days. Rides station_region_idx, visit_day_pkey and the index of check_in by station.
SELECT s.id, s.code, s.name, s.managed_by, s.adcode, s.lon, s.lat, s.verified_at, s.created_at, s.operational_status,
       v.last_visit_on, c.last_good_at, c.checks, c.found_open,
       CAST(extract(epoch FROM now() - CAST(v.last_visit_on AS timestamptz)) / 86400 AS integer) AS visit_days,
       CAST(extract(epoch FROM now() - c.last_good_at) / 86400 AS integer) AS good_days,
       CAST(extract(epoch FROM now() - coalesce(s.verified_at, s.created_at)) / 86400 AS integer) AS verified_days
  FROM station_card s
 CROSS JOIN LATERAL (SELECT max(d.last_on) AS last_visit_on FROM visit_day d WHERE d.station_id = s.id AND d.visits > 0) v
 CROSS JOIN LATERAL (
   SELECT max(k.at) FILTER (WHERE k.outcome IN ('used_ok', 'confirmed_correct')) AS last_good_at,
          count(*) FILTER (WHERE k.in_posted_hours AND k.at > now() - make_interval(days => CAST(:days AS integer))
            AND k.outcome IN ('used_ok', 'confirmed_correct', 'locked_in_posted_hours')) AS checks,
          count(*) FILTER (WHERE k.in_posted_hours AND k.at > now() - make_interval(days => CAST(:days AS integer))
            AND k.outcome IN ('used_ok', 'confirmed_correct')) AS found_open
     FROM check_in k WHERE k.station_id = s.id) c
 WHERE s.publication_status = 'published' AND s.operational_status IN ('open', 'limited')
   AND (CAST(:station AS uuid) IS NULL OR s.id = CAST(:station AS uuid))
   AND CASE CAST(:level AS text)
         WHEN 'province' THEN s.province_adcode = CAST(:region AS text)
         WHEN 'city' THEN s.city_adcode = CAST(:region AS text)
         WHEN 'district' THEN s.district_adcode = CAST(:region AS text)
         ELSE true END
