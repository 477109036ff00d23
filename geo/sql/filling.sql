-- What makes filling these tables dear, and can be made for all rows at once afterwards: how to take it off, how to put
-- it back. Nothing where the login is not the owner's. Unique indexes stay: rows are looked up by them meanwhile.
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS off,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS back
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
 WHERE c.contype = 'f' AND c.conrelid = ANY (CAST(CAST(:tables AS text[]) AS regclass[]))
   AND pg_has_role(session_user, t.relowner, 'MEMBER')
UNION ALL
SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
  FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
 WHERE NOT i.indisunique AND i.indrelid = ANY (CAST(CAST(:tables AS text[]) AS regclass[]))
   AND pg_has_role(session_user, t.relowner, 'MEMBER')
 ORDER BY back
