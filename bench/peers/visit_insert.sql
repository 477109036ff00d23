-- What a visit costs at the least: one row inserted by a prepared statement and committed, durably, with the ledger's own
-- key and checks but no totals, at one of 30,000 stations. No HTTP, no check of whose key it is.
\set station random(1, 30000)
INSERT INTO bench_visit (station_id, id, count, started_at, method, complete, organisation, recorded_by)
VALUES (CAST(lpad(to_hex(CAST(:station AS integer)), 32, '0') AS uuid), gen_random_uuid(), 1, now(), 'people_counter', true, 'bench',
        'bench');
