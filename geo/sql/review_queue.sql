-- What waits for review, oldest first: stations submitted, and proposals for published ones.
-- Those of the reviewer's region (null or 100000: the whole country), and none that the reviewer's own line
-- manages (its ancestors and descendants), unless it is an admin. Keyset: (since, id) after the row given.
-- Rides station_publication_idx and proposal_station_id_key.
WITH RECURSIVE above AS (
  SELECT code, parent FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code, o.parent FROM above a JOIN organisation o ON o.code = a.parent
), below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
), waiting AS (
  SELECT s.id, 'submission' AS what, CAST(NULL AS jsonb) AS changes,
         coalesce((SELECT max(h.at) FROM station_history h
                    WHERE h.station_id = s.id AND h.after ->> 'publication_status' = 'submitted'), s.updated_at) AS since
    FROM station s WHERE s.publication_status = 'submitted'
  UNION ALL
  SELECT p.station_id, 'proposal', p.changes, p.created_at FROM proposal p WHERE p.decided_at IS NULL
)
SELECT w.what, w.changes, w.since, card.*
  FROM waiting w JOIN station_card card ON card.id = w.id
 WHERE (CAST(:region AS text) IS NULL OR CAST(:region AS text) = '100000'
        OR CAST(:region AS text) IN (card.province_adcode, card.city_adcode, card.district_adcode))
   AND (CAST(:admin AS boolean) OR card.managed_by IS NULL
        OR card.managed_by NOT IN (SELECT code FROM above UNION SELECT code FROM below))
   AND (CAST(:since AS timestamptz) IS NULL
        OR (w.since, w.id) > (CAST(:since AS timestamptz), CAST(:id AS uuid)))
 ORDER BY w.since, w.id
 LIMIT CAST(:limit AS integer)
