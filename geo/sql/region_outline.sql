-- Outlines of divisions for maps, as GeoJSON geometries: of a level, of an adcode, or of both.
-- Simplified to `tolerance` degrees without losing an island; five decimals are a metre.
SELECT r.level, r.adcode, r.name, CAST(ST_AsGeoJSON(ST_Multi(o.geom), 5) AS json) AS geometry
  FROM region r
 CROSS JOIN LATERAL (SELECT ST_SimplifyPreserveTopology(r.geom, CAST(:tolerance AS float8)) AS geom) o
 WHERE (CAST(:level AS text) IS NULL OR r.level = CAST(:level AS text))
   AND (CAST(:adcode AS text) IS NULL OR r.adcode = CAST(:adcode AS text))
 ORDER BY r.adcode
