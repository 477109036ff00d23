-- Divisions with their ancestors, bounding box and number of children, higher levels first, then by adcode.
-- Optional filters: level, adcode; q (part of the name, or how the code begins; 3,300 rows are read through in a
-- millisecond); parent (direct children, or with `level` all descendants of that level); after_level and after_adcode,
-- the last row of the page before. Rides region_pkey and region_parent_idx.
SELECT r.level, r.adcode, r.name, r.area_km2,
       ARRAY[ST_XMin(r.geom), ST_YMin(r.geom), ST_XMax(r.geom), ST_YMax(r.geom)] AS bbox,
       (SELECT count(*) FROM region k WHERE k.parent_level = r.level AND k.parent_adcode = r.adcode) AS children,
       (SELECT coalesce(json_agg(json_build_object('level', a.level, 'adcode', a.adcode, 'name', a.name)
                                 ORDER BY a.height DESC), '[]')
          FROM (VALUES (1, p.level, p.adcode, p.name), (2, g.level, g.adcode, g.name),
                       (3, c.level, c.adcode, c.name)) AS a(height, level, adcode, name)
         WHERE a.level IS NOT NULL) AS parents
  FROM region r
  LEFT JOIN region p ON p.level = r.parent_level AND p.adcode = r.parent_adcode
  LEFT JOIN region g ON g.level = p.parent_level AND g.adcode = p.parent_adcode
  LEFT JOIN region c ON c.level = g.parent_level AND c.adcode = g.parent_adcode
 CROSS JOIN LATERAL (SELECT array_position(ARRAY['country', 'province', 'city', 'district'], r.level) AS depth,
                            array_position(ARRAY['country', 'province', 'city', 'district'],
                                           CAST(:after_level AS text)) AS after_depth) o
 WHERE (CAST(:level AS text) IS NULL OR r.level = CAST(:level AS text))
   AND (CAST(:adcode AS text) IS NULL OR r.adcode = CAST(:adcode AS text))
   AND (CAST(:q AS text) IS NULL OR strpos(r.name, CAST(:q AS text)) > 0 OR starts_with(r.adcode, CAST(:q AS text)))
   AND (CAST(:parent AS text) IS NULL
        OR (p.level, p.adcode) = (CAST(:parent_level AS text), CAST(:parent AS text))
        OR CAST(:level AS text) IS NOT NULL
           AND ((g.level, g.adcode) = (CAST(:parent_level AS text), CAST(:parent AS text))
                OR (c.level, c.adcode) = (CAST(:parent_level AS text), CAST(:parent AS text))))
   AND (CAST(:after_adcode AS text) IS NULL OR (o.depth, r.adcode) > (o.after_depth, CAST(:after_adcode AS text)))
 ORDER BY o.depth, r.adcode
 LIMIT CAST(:limit AS integer)
