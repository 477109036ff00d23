-- Stores divisions, arrays in step, one entry a division, and the country, which is all its provinces.
-- `shapes` are polygons as WKB, WGS-84; where rings cross they are mended. Areas are on the ellipsoid.
-- One statement, so children may come before parents.
WITH given AS MATERIALIZED (
  SELECT d.level, d.adcode, d.name, d.parent_level, d.parent_adcode,
         CASE WHEN ST_IsValid(g.geom) THEN g.geom ELSE ST_CollectionExtract(ST_MakeValid(g.geom), 3) END AS geom
    FROM unnest(CAST(:levels AS text[]), CAST(:adcodes AS text[]), CAST(:names AS text[]),
                CAST(:parent_levels AS text[]), CAST(:parent_adcodes AS text[]), CAST(:shapes AS bytea[]))
           AS d(level, adcode, name, parent_level, parent_adcode, shape)
   CROSS JOIN LATERAL (SELECT ST_GeomFromWKB(d.shape, 4326) AS geom OFFSET 0) g
), country AS MATERIALIZED (
  SELECT ST_Union(geom) AS geom FROM given WHERE level = 'province'
)
INSERT INTO region (level, adcode, name, parent_level, parent_adcode, area_km2, geom)
SELECT level, adcode, name, parent_level, parent_adcode, ST_Area(geom::geography) / 1e6, ST_Multi(geom)
  FROM given
UNION ALL
SELECT 'country', '100000', '中华人民共和国', NULL, NULL, ST_Area(geom::geography) / 1e6, ST_Multi(geom)
  FROM country
