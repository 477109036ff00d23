-- The shapes that coverage is measured of, each with its bounding box in degrees: one division, or all of a level below
-- one. With `below` null it is the division (level, adcode) itself, else its descendants of level `below`.
-- Rides region_pkey and region_parent_idx.
SELECT r.level, r.adcode, r.name, r.area_km2, ST_AsBinary(r.geom) AS shape,
       ST_XMin(r.geom) AS west, ST_YMin(r.geom) AS south, ST_XMax(r.geom) AS east, ST_YMax(r.geom) AS north
  FROM region r
  LEFT JOIN region p ON p.level = r.parent_level AND p.adcode = r.parent_adcode
  LEFT JOIN region g ON g.level = p.parent_level AND g.adcode = p.parent_adcode
 WHERE CASE WHEN CAST(:below AS text) IS NULL
            THEN (r.level, r.adcode) = (CAST(:level AS text), CAST(:adcode AS text))
            ELSE r.level = CAST(:below AS text)
                 AND ((p.level, p.adcode) = (CAST(:level AS text), CAST(:adcode AS text))
                      OR (g.level, g.adcode) = (CAST(:level AS text), CAST(:adcode AS text))
                      OR CAST(:level AS text) = 'country') END
 ORDER BY r.adcode
