-- Closures under way (`current`) or to come (`coming`), or both, by their beginning: those of stations that the
-- organisation or its descendants manage (a host), of its reach (an auditor; null or 100000: the whole country), or
-- all (an admin). Keyset: (starts_at, id). Rides closure_starts_at_idx.
WITH RECURSIVE below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
)
SELECT c.id, c.station_id AS station, s.code, s.name, s.managed_by, c.starts_at, c.ends_at, c.reason, c.replacement_id,
       c.batch, c.starts_at <= now() AS current
  FROM closure c JOIN station s ON s.id = c.station_id
 WHERE c.cancelled_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > now())
   AND CASE CAST(:role AS text)
         WHEN 'host' THEN s.managed_by IN (SELECT code FROM below)
         WHEN 'auditor' THEN s.publication_status <> 'draft'
           AND (coalesce(CAST(:reach AS text), '100000') IN ('100000', s.province, s.city, s.district))
         ELSE true END
   AND (CAST(:region AS text) IS NULL OR CAST(:region AS text) IN ('100000', s.province, s.city, s.district))
   AND (CAST(:managed_by AS text) IS NULL OR s.managed_by = CAST(:managed_by AS text))
   AND (CAST(:state AS text) IS NULL OR (c.starts_at <= now()) = (CAST(:state AS text) = 'current'))
   AND (CAST(:batch AS uuid) IS NULL OR c.batch = CAST(:batch AS uuid))
   AND (CAST(:since AS timestamptz) IS NULL
        OR (c.starts_at, c.id) > (CAST(:since AS timestamptz), CAST(:after AS uuid)))
 ORDER BY c.starts_at, c.id
 LIMIT CAST(:limit AS integer)
