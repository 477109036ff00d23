-- The organisation at the top of the tree that one stands in; no row for one that is unknown.
-- Rides organisation_pkey, once for each level.
WITH RECURSIVE above AS (
  SELECT code, parent FROM organisation WHERE code = CAST(:code AS text)
  UNION SELECT o.code, o.parent FROM above a JOIN organisation o ON o.code = a.parent
)
SELECT code FROM above WHERE parent IS NULL
