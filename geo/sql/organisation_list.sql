-- Organisations in the order of their codes, after one of them; with a parent its children, with `below` too all
-- of its descendants. Rides organisation_pkey and organisation_parent_idx.
-- One row an organisation: its columns, `children` (how many) and `stations` (how many it manages itself).
WITH RECURSIVE line AS (
  SELECT code, 0 AS depth FROM organisation WHERE code = CAST(:parent AS text)
  UNION ALL SELECT o.code, l.depth + 1 FROM line l JOIN organisation o ON o.parent = l.code
   WHERE CAST(:below AS boolean) OR l.depth = 0
)
SELECT o.code, o.name, o.kind, o.parent, o.region, o.uscc,
       (SELECT count(*) FROM organisation c WHERE c.parent = o.code) AS children,
       (SELECT count(*) FROM station s WHERE s.managed_by = o.code) AS stations
  FROM organisation o
 WHERE (CAST(:code AS text) IS NULL OR o.code = CAST(:code AS text))
   AND (CAST(:parent AS text) IS NULL OR o.code IN (SELECT code FROM line WHERE depth > 0))
   AND (CAST(:kind AS text) IS NULL OR o.kind = CAST(:kind AS text))
   AND (CAST(:region AS text) IS NULL OR o.region = CAST(:region AS text))
   AND (CAST(:q AS text) IS NULL OR o.name ILIKE CAST(:q AS text) OR o.code ILIKE CAST(:q AS text))
   AND (CAST(:after AS text) IS NULL OR o.code > CAST(:after AS text))
 ORDER BY o.code
 LIMIT CAST(:limit AS integer)
