-- What makes filling these tables dear, and can be made for all rows at once afterwards: how to take it off, how to put
-- it back. Nothing where the login does not own them all. Keys that others refer to stay.
WITH filled AS (
  SELECT oid, relowner FROM pg_class WHERE oid = ANY (CAST(CAST(:tables AS text[]) AS regclass[]))
), own AS (
  SELECT oid FROM filled
   WHERE (SELECT bool_and(pg_has_role(session_user, relowner, 'MEMBER')) FROM filled)
)
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS off,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS back
  FROM pg_constraint c JOIN own ON own.oid = c.conrelid
 WHERE c.contype = 'f'
    OR c.contype IN ('p', 'u')
       AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = c.conindid)
UNION ALL
SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
  FROM pg_index i JOIN own ON own.oid = i.indrelid
 WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
UNION ALL
SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass), pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN own ON own.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND t.tgenabled = 'O'
 ORDER BY back
