-- Stores boundary lines for drawing: arrays in step, one entry a line; `shapes` are lines as WKB, WGS-84.
INSERT INTO region_line (level, geom)
SELECT l.level, ST_Multi(ST_GeomFromWKB(l.shape, 4326))
  FROM unnest(CAST(:levels AS text[]), CAST(:shapes AS bytea[])) AS l(level, shape)
