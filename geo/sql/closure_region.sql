-- Close the published stations of a division that are in use, within what the key may close: a host its line's, an
-- auditor its reach's, an admin any. Rides station_region_idx. One row a closure: its id.
WITH RECURSIVE below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
)
INSERT INTO closure (station_id, starts_at, ends_at, reason, batch)
SELECT s.id, CAST(:starts_at AS timestamptz), CAST(:ends_at AS timestamptz), CAST(:reason AS text), CAST(:batch AS uuid)
  FROM station s
 WHERE s.publication_status = 'published' AND s.operational_status IN ('open', 'limited')
   AND CASE CAST(:level AS text)
         WHEN 'province' THEN s.province = CAST(:region AS text)
         WHEN 'city' THEN s.city = CAST(:region AS text)
         WHEN 'district' THEN s.district = CAST(:region AS text)
         ELSE true END
   AND CASE CAST(:role AS text)
         WHEN 'host' THEN s.managed_by IN (SELECT code FROM below)
         WHEN 'auditor' THEN coalesce(CAST(:reach AS text), '100000') IN ('100000', s.province, s.city, s.district)
         ELSE true END
   AND (CAST(:kinds AS text[]) IS NULL OR s.kind = ANY (CAST(:kinds AS text[])))
   AND (CAST(:managed_by AS text) IS NULL OR s.managed_by = CAST(:managed_by AS text))
 ORDER BY s.id
RETURNING id
