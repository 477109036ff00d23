-- What happened to a station, newest first, before the entry given. Rides station_history_station_id_idx.
SELECT id, revision, at, actor, organisation, reason, before, after
  FROM station_history
 WHERE station_id = CAST(:station AS uuid) AND (CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint))
 ORDER BY id DESC
 LIMIT CAST(:limit AS integer)
