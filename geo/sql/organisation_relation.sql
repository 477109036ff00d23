-- How the organisation `other` stands to `own`: 'own', 'descendant' (below it), 'ancestor' (above it) or null.
-- Rides organisation_pkey, once for each level of the tree.
WITH RECURSIVE above AS (
  SELECT code, parent, CAST(:other AS text) AS start FROM organisation WHERE code = CAST(:other AS text)
  UNION ALL
  SELECT code, parent, CAST(:own AS text) FROM organisation WHERE code = CAST(:own AS text)
  UNION
  SELECT o.code, o.parent, a.start FROM above a JOIN organisation o ON o.code = a.parent
)
SELECT CASE
         WHEN CAST(:other AS text) = CAST(:own AS text) THEN 'own'
         WHEN EXISTS (SELECT FROM above WHERE start = :other AND code = :own) THEN 'descendant'
         WHEN EXISTS (SELECT FROM above WHERE start = :own AND code = :other) THEN 'ancestor'
       END
