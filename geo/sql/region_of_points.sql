-- The divisions of many points: `points` is a JSON array of {n, lon, lat}, WGS-84. One row a point: n, province,
-- city, district (codes) and name, of the finest one. Rides region_part_geom_idx and region_pkey.
SELECT i.n, a.province, a.city, a.district,
       coalesce((SELECT name FROM region r WHERE r.level = 'district' AND r.adcode = a.district),
                (SELECT name FROM region r WHERE r.level = 'city' AND r.adcode = a.city),
                (SELECT name FROM region r WHERE r.level = 'province' AND r.adcode = a.province)) AS name
  FROM jsonb_to_recordset(CAST(:points AS jsonb)) AS i(n integer, lon float8, lat float8)
 CROSS JOIN LATERAL region_at_v1(CAST(ST_SetSRID(ST_MakePoint(i.lon, i.lat), 4326) AS geography)) a
