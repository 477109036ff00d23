-- The visit that a scanned poster claims. Its id follows from station, visitor and day, so that whoever scans again
-- that day is counted once. Returns a row where it was not there yet. Rides visit_pkey.
INSERT INTO visit (station_id, id, count, started_at, method, complete, device, recorded_by)
VALUES (CAST(:station_id AS uuid), CAST(:id AS uuid), 1, now(), 'qr_scan', false, 'poster', 'check-in')
ON CONFLICT (station_id, id) DO NOTHING
RETURNING id
