-- Cuts the borders of the finest divisions (those of region_part) into short pieces, each border once: neighbours
-- share their vertices, so 425,000 segments are 229,000 different ones.
-- An edge is straight in degrees (RFC 7946), a geography's is not: over the longest, 174 km, they part by 500 m.
-- With a vertex every 0.05 degrees they part by less than a metre.
INSERT INTO region_border (line)
SELECT ST_Subdivide(ST_Segmentize(b.line, 0.05), 32)::geography
  FROM (SELECT (ST_Dump(ST_LineMerge(ST_Collect(s.segment)))).geom AS line
          FROM (SELECT DISTINCT ST_Normalize((ST_DumpSegments(r.geom)).geom) AS segment
                  FROM region r
                 WHERE r.level <> 'country'
                   AND coalesce((SELECT sum(k.area_km2) FROM region k
                                  WHERE k.parent_level = r.level AND k.parent_adcode = r.adcode), 0)
                       < 0.99 * r.area_km2) s) b
