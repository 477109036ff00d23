-- Enters a check-in. Returns its id and instant.
INSERT INTO check_in (station_id, outcome, facility, distance_band, visitor_hash, poster_id, note, in_posted_hours)
VALUES (CAST(:station_id AS uuid), :outcome, :facility, :distance_band, CAST(:visitor_hash AS bytea),
        CAST(:poster_id AS uuid), :note, CAST(:in_posted_hours AS boolean))
RETURNING id, at
