-- Outlines of divisions for maps, as GeoJSON geometries: of a level, of an adcode, or of both; with `parent` and
-- `parent_level` those below that one. Simplified to `tolerance` degrees without losing an island; five decimals are a
-- metre. Rides region_pkey and region_parent_idx.
SELECT r.level, r.adcode, r.name, CAST(ST_AsGeoJSON(ST_Multi(o.geom), 5) AS json) AS geometry
  FROM region r
  LEFT JOIN region p ON p.level = r.parent_level AND p.adcode = r.parent_adcode
  LEFT JOIN region g ON g.level = p.parent_level AND g.adcode = p.parent_adcode
 CROSS JOIN LATERAL (SELECT ST_SimplifyPreserveTopology(r.geom, CAST(:tolerance AS float8)) AS geom) o
 WHERE (CAST(:level AS text) IS NULL OR r.level = CAST(:level AS text))
   AND (CAST(:adcode AS text) IS NULL OR r.adcode = CAST(:adcode AS text))
   AND (CAST(:parent AS text) IS NULL OR CAST(:parent_level AS text) = 'country'
        OR (CAST(:parent_level AS text), CAST(:parent AS text)) IN ((p.level, p.adcode), (g.level, g.adcode)))
 ORDER BY r.adcode
