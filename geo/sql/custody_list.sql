-- Transfers and claims that wait, oldest first: those from or to the organisation and its descendants, for an
-- auditor the claims of its region (null or 100000: the whole country), for an admin all of them. Keyset by id.
-- Rides custody_request_station_id_key: few wait at a time.
WITH RECURSIVE below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
)
SELECT r.id, s.id AS station, s.code, s.name, r.from_organisation, r.to_organisation, r.asked_by, r.reason,
       r.created_at
  FROM custody_request r JOIN station s ON s.id = r.station_id
 WHERE r.decided_at IS NULL
   AND (CAST(:after AS text) IS NULL
        OR (r.created_at, r.id) > (SELECT a.created_at, a.id FROM custody_request a WHERE a.id = CAST(:after AS uuid)))
   AND (CAST(:role AS text) = 'admin'
        OR r.from_organisation IN (SELECT code FROM below) OR r.to_organisation IN (SELECT code FROM below)
        OR CAST(:role AS text) = 'auditor' AND r.from_organisation IS NULL
           AND (CAST(:region AS text) IS NULL OR CAST(:region AS text) = '100000'
                OR CAST(:region AS text) IN (s.province, s.city, s.district)))
 ORDER BY r.created_at, r.id
 LIMIT CAST(:limit AS integer)
