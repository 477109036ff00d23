-- Takes back the poster of a station that is in force: its id, or no row.
-- Rides poster_station_id_key.
UPDATE poster SET revoked_at = now()
 WHERE station_id = CAST(:station_id AS uuid) AND revoked_at IS NULL
RETURNING id
