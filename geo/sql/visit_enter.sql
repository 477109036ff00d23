-- Enters visits and answers the keys of those that are new; the trigger adds them to their days.
-- In the order of the key, so that two batches with the same visits wait for each other and never deadlock; a row
-- that loses a conflict is read afterwards, in a statement that can see what it lost to.
INSERT INTO visit (station_id, id, count, started_at, ended_at, method, complete, by_group, organisation, device,
                   reverses, reason, flags, recorded_by)
SELECT v.station_id, v.id, v.count, v.started_at, v.ended_at, v.method, v.complete, CAST(v.by_group AS jsonb),
       v.organisation, v.device, v.reverses, v.reason, string_to_array(v.flags, ','), v.recorded_by
  FROM unnest(CAST(:station_id AS uuid[]), CAST(:id AS uuid[]), CAST(:count AS integer[]),
              CAST(:started_at AS timestamptz[]), CAST(:ended_at AS timestamptz[]), CAST(:method AS text[]),
              CAST(:complete AS boolean[]), CAST(:by_group AS text[]), CAST(:organisation AS text[]),
              CAST(:device AS text[]), CAST(:reverses AS uuid[]), CAST(:reason AS text[]), CAST(:flags AS text[]),
              CAST(:recorded_by AS text[]))
       AS v(station_id, id, count, started_at, ended_at, method, complete, by_group, organisation, device, reverses,
            reason, flags, recorded_by)
 ORDER BY v.station_id, v.id
ON CONFLICT DO NOTHING
RETURNING station_id, id
