-- What happened to a station, newest first, before the entry given; filters in the WHERE.
-- Rides station_history_station_id_idx.
SELECT id, station_id, revision, at, actor, organisation, reason, before, after
  FROM station_history
 WHERE station_id = CAST(:station AS uuid) AND (CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint))
   AND (CAST(:since AS timestamptz) IS NULL OR at >= CAST(:since AS timestamptz))
   AND (CAST(:until AS timestamptz) IS NULL OR at < CAST(:until AS timestamptz))
   AND (CAST(:actor AS text) IS NULL OR actor = CAST(:actor AS text))
   AND (CAST(:field AS text) IS NULL OR jsonb_exists(after, CAST(:field AS text)))
 ORDER BY id DESC
 LIMIT CAST(:limit AS integer)
