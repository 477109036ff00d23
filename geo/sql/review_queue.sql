-- What waits for review, oldest first: stations submitted, proposals for published ones, claims of those nobody
-- manages. Those within the reviewer's reach (null or 100000: the whole country), and none that the reviewer's own
-- line manages or claims (its ancestors and descendants), unless it is an admin. Filters in the WHERE.
-- Keyset: (since, id) after the row given. Rides station_publication_idx, proposal_station_id_key and
-- custody_request_station_id_key. Of what was returned once, `changes` is what is new since then, from the history.
WITH RECURSIVE above AS (
  SELECT code, parent FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code, o.parent FROM above a JOIN organisation o ON o.code = a.parent
), below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
), waiting AS (
  SELECT s.id, 'submission' AS what, s.managed_by AS party, CAST(NULL AS jsonb) AS changes,
         coalesce((SELECT max(h.at) FROM station_history h
                    WHERE h.station_id = s.id AND h.after ->> 'publication_status' = 'submitted'), s.updated_at) AS since
    FROM station s WHERE s.publication_status = 'submitted'
  UNION ALL
  SELECT p.station_id, 'proposal', s.managed_by, p.changes, p.created_at
    FROM proposal p JOIN station s ON s.id = p.station_id WHERE p.decided_at IS NULL
  UNION ALL
  SELECT r.station_id, 'claim', r.to_organisation, jsonb_build_object('managed_by', r.to_organisation), r.created_at
    FROM custody_request r WHERE r.decided_at IS NULL AND r.from_organisation IS NULL
), page AS MATERIALIZED (
  SELECT w.id, w.what, w.party, w.changes, w.since, a.organisation AS assigned_to, a.reviewer, a.at AS assigned_at
    FROM waiting w
    JOIN station s ON s.id = w.id
    LEFT JOIN review_assignment a ON a.station_id = w.id
   WHERE (CAST(:reach AS text) IS NULL OR CAST(:reach AS text) = '100000'
          OR CAST(:reach AS text) IN (s.province, s.city, s.district))
     AND (CAST(:admin AS boolean) OR w.party IS NULL
          OR w.party NOT IN (SELECT code FROM above UNION SELECT code FROM below))
     AND (CAST(:region AS text) IS NULL OR CAST(:region AS text) IN ('100000', s.province, s.city, s.district))
     AND (CAST(:what AS text) IS NULL OR w.what = CAST(:what AS text))
     AND (CAST(:managed_by AS text) IS NULL OR w.party = CAST(:managed_by AS text))
     AND (CAST(:kind AS text) IS NULL OR s.kind = CAST(:kind AS text))
     AND CASE CAST(:assigned AS text)
           WHEN 'me' THEN a.reviewer = CAST(:reviewer AS text)
           WHEN 'none' THEN a.station_id IS NULL
           ELSE CAST(:assigned AS text) IS NULL OR a.organisation = CAST(:assigned AS text) END
     AND (CAST(:since AS timestamptz) IS NULL
          OR (w.since, w.id) > (CAST(:since AS timestamptz), CAST(:id AS uuid)))
   ORDER BY w.since, w.id
   LIMIT CAST(:limit AS integer)
)
SELECT page.what, coalesce(page.changes, news.changes) AS changes, page.since, page.assigned_to, page.reviewer,
       page.assigned_at, card.*
  FROM page
  JOIN station_card card USING (id)
  LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(d.key, jsonb_build_object('before', d.before, 'after', d.after)) AS changes
      FROM (SELECT a.key, (array_agg(h.before -> a.key ORDER BY h.id))[1] AS before,
                   (array_agg(a.value ORDER BY h.id DESC))[1] AS after
              FROM station_history h CROSS JOIN LATERAL jsonb_each(h.after) a
             WHERE page.what = 'submission' AND h.station_id = page.id AND a.key <> 'publication_status'
               AND h.id > (SELECT max(r.id) FROM station_history r
                            WHERE r.station_id = page.id AND r.after ->> 'publication_status' = 'returned')
             GROUP BY a.key) d
     WHERE d.before IS DISTINCT FROM d.after) news ON true
 ORDER BY page.since, page.id
