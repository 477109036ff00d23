-- Facilities that do not work, the oldest fault first, of stations within the key's reach (as closure_list) that are
-- not removed. Keyset: (since, station, facility). Rides station_facility_fault_idx.
-- One row a fault: the station's id, code, name and manager, facility, status, note, since, checked_at, due_at.
WITH RECURSIVE below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
)
SELECT f.station_id AS station, s.code, s.name, s.managed_by, f.facility, f.status, f.note, f.since, f.checked_at,
       f.since + make_interval(secs => 3600 * CAST(:sla_h AS float8)) AS due_at,
       extract(epoch FROM now() - f.since) / 3600 AS age_h
  FROM station_facility f JOIN station s ON s.id = f.station_id
 WHERE f.status IN ('faulty', 'out_of_stock', 'expired')
   AND s.publication_status NOT LIKE 'delisted%'
   AND s.operational_status NOT IN ('relocated', 'permanently_closed')
   AND CASE CAST(:role AS text)
         WHEN 'host' THEN s.managed_by IN (SELECT code FROM below)
         WHEN 'auditor' THEN s.publication_status <> 'draft'
           AND coalesce(CAST(:reach AS text), '100000') IN ('100000', s.province, s.city, s.district)
         ELSE true END
   AND (CAST(:region AS text) IS NULL OR CAST(:region AS text) IN ('100000', s.province, s.city, s.district))
   AND (CAST(:managed_by AS text) IS NULL OR s.managed_by = CAST(:managed_by AS text))
   AND (CAST(:facility AS text) IS NULL OR f.facility = CAST(:facility AS text))
   AND (NOT CAST(:overdue AS boolean) OR f.since + make_interval(secs => 3600 * CAST(:sla_h AS float8)) <= now())
   AND (CAST(:since AS timestamptz) IS NULL
        OR (f.since, f.station_id, f.facility)
         > (CAST(:since AS timestamptz), CAST(:after AS uuid), CAST(:after_facility AS text)))
 ORDER BY f.since, f.station_id, f.facility
 LIMIT CAST(:limit AS integer)
