-- Call off what was closed together, within what the key may close (as closure_region): what is under way ends now,
-- what is to come does not happen. Rides closure_batch_idx. One row a closure: its id.
WITH RECURSIVE below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
)
UPDATE closure c
   SET ends_at = CASE WHEN c.starts_at < now() THEN now() ELSE c.ends_at END,
       cancelled_at = CASE WHEN c.starts_at < now() THEN NULL ELSE now() END
  FROM station s
 WHERE s.id = c.station_id AND c.batch = CAST(:batch AS uuid)
   AND c.cancelled_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > now())
   AND CASE CAST(:role AS text)
         WHEN 'host' THEN s.managed_by IN (SELECT code FROM below)
         WHEN 'auditor' THEN coalesce(CAST(:reach AS text), '100000') IN ('100000', s.province, s.city, s.district)
         ELSE true END
RETURNING c.id
