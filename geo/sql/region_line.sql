-- The boundary lines that belong on a map of one level, as GeoJSON geometries simplified to `tolerance` degrees.
SELECT CAST(ST_AsGeoJSON(ST_Simplify(l.geom, CAST(:tolerance AS float8), true), 5) AS json) AS geometry
  FROM region_line l
 WHERE l.level = CAST(:level AS text)
 ORDER BY l.id
