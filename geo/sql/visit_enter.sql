-- Enters visits, all or none: none where a row that decided about them is not in the version it was read in, or a key
-- has expired since (`unchanged`). The trigger adds them to their days.
-- `made` has the keys of those that are new, where not all `many` of them are.
-- In the order of the key, so that two batches with the same visits wait for each other and never deadlock; a row
-- that loses a conflict is read afterwards, in a statement that can see what it lost to.
-- As one JSON text: fourteen arrays cost the sender ten times as much, and the server no less.
-- Rides api_key_pkey, station_pkey and organisation_pkey, once a row that decides.
WITH held AS (
  SELECT (SELECT count(*)
            FROM unnest(CAST(:keys AS text[]), CAST(:keys_versions AS xid[])) AS w(prefix, version)
            JOIN api_key k ON k.prefix = w.prefix AND k.xmin = w.version
           WHERE k.expires_at IS NULL OR k.expires_at > now()) = cardinality(CAST(:keys AS text[]))
     AND (SELECT count(*)
            FROM unnest(CAST(:stations AS uuid[]), CAST(:stations_versions AS xid[])) AS w(id, version)
            JOIN station s ON s.id = w.id AND s.xmin = w.version) = cardinality(CAST(:stations AS uuid[]))
     AND (SELECT count(*)
            FROM unnest(CAST(:above AS text[]), CAST(:above_versions AS xid[])) AS w(code, version)
            JOIN organisation o ON o.code = w.code AND o.xmin = w.version) = cardinality(CAST(:above AS text[]))
      AS unchanged
), entered AS (
  INSERT INTO visit (station_id, id, count, started_at, ended_at, method, complete, by_group, organisation, device,
                     reverses, reason, flags, recorded_by)
  SELECT v.station_id, v.id, v.count, v.started_at, v.ended_at, v.method, v.complete, v.by_group, v.organisation,
         v.device, v.reverses, v.reason, v.flags, v.recorded_by
    FROM held h
    JOIN json_to_recordset(CAST(:rows AS json))
         AS v(station_id uuid, id uuid, count integer, started_at timestamptz, ended_at timestamptz, method text,
              complete boolean, by_group jsonb, organisation text, device text, reverses uuid, reason text,
              flags text[], recorded_by text) ON h.unchanged
   ORDER BY v.station_id, v.id
  ON CONFLICT DO NOTHING
  RETURNING station_id, id
)
SELECT h.unchanged, now() AS at, clock_timestamp() AS clock,
       CASE WHEN (SELECT count(*) FROM entered) < CAST(:many AS integer)
            THEN (SELECT coalesce(json_agg(json_build_array(station_id, id)), '[]') FROM entered) END AS made
  FROM held h
