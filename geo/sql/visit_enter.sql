-- Enters visits and answers the keys of those that are new; the trigger adds them to their days.
-- In the order of the key, so that two batches with the same visits wait for each other and never deadlock; a row
-- that loses a conflict is read afterwards, in a statement that can see what it lost to.
-- As one JSON text: fourteen arrays cost the sender ten times as much, and the server no less.
INSERT INTO visit (station_id, id, count, started_at, ended_at, method, complete, by_group, organisation, device,
                   reverses, reason, flags, recorded_by)
SELECT v.station_id, v.id, v.count, v.started_at, v.ended_at, v.method, v.complete, v.by_group, v.organisation, v.device,
       v.reverses, v.reason, v.flags, v.recorded_by
  FROM json_to_recordset(CAST(:rows AS json))
       AS v(station_id uuid, id uuid, count integer, started_at timestamptz, ended_at timestamptz, method text,
            complete boolean, by_group jsonb, organisation text, device text, reverses uuid, reason text, flags text[],
            recorded_by text)
 ORDER BY v.station_id, v.id
ON CONFLICT DO NOTHING
RETURNING CAST(station_id AS text), CAST(id AS text)
