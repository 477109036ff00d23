-- Pairs of published stations at most `metres` apart, of a region or with one station in them; each pair once, the
-- older number first. Rides station_usable_location_idx.
SELECT s.id, s.code, s.name, s.managed_by, coalesce(s.district, s.city, s.province) AS adcode,
       ST_X(CAST(s.location AS geometry)) AS lon, ST_Y(CAST(s.location AS geometry)) AS lat,
       t.id AS other_id, t.code AS other_code, t.name AS other_name, t.managed_by AS other_managed_by,
       coalesce(t.district, t.city, t.province) AS other_adcode,
       ST_X(CAST(t.location AS geometry)) AS other_lon, ST_Y(CAST(t.location AS geometry)) AS other_lat,
       ST_Distance(s.location, t.location) AS distance_m
  FROM station s
  JOIN station t ON ST_DWithin(s.location, t.location, CAST(:metres AS float8)) AND t.number > s.number
   AND t.publication_status = 'published' AND t.operational_status IN ('open', 'limited')
 WHERE s.publication_status = 'published' AND s.operational_status IN ('open', 'limited')
   AND (CAST(:station AS uuid) IS NULL OR s.id = CAST(:station AS uuid))
   AND CASE CAST(:level AS text)
         WHEN 'province' THEN s.province = CAST(:region AS text)
         WHEN 'city' THEN s.city = CAST(:region AS text)
         WHEN 'district' THEN s.district = CAST(:region AS text)
         ELSE true END
