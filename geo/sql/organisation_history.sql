-- What an organisation and its descendants did to stations, and what happened to those they manage, newest first,
-- before the entry given. Rides station_history_pkey backwards; few entries of others stand between.
WITH RECURSIVE below AS (
  SELECT code FROM organisation WHERE code = CAST(:organisation AS text)
  UNION SELECT o.code FROM below b JOIN organisation o ON o.parent = b.code
)
SELECT h.id, h.station_id, h.revision, h.at, h.actor, h.organisation, h.reason, h.before, h.after
  FROM station_history h JOIN station s ON s.id = h.station_id
 WHERE (s.managed_by IN (SELECT code FROM below) OR h.organisation IN (SELECT code FROM below))
   AND (CAST(:before AS bigint) IS NULL OR h.id < CAST(:before AS bigint))
   AND (CAST(:since AS timestamptz) IS NULL OR h.at >= CAST(:since AS timestamptz))
   AND (CAST(:until AS timestamptz) IS NULL OR h.at < CAST(:until AS timestamptz))
   AND (CAST(:actor AS text) IS NULL OR h.actor = CAST(:actor AS text))
   AND (CAST(:field AS text) IS NULL OR jsonb_exists(h.after, CAST(:field AS text)))
 ORDER BY h.id DESC
 LIMIT CAST(:limit AS integer)
