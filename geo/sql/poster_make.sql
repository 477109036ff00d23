-- A poster for a station that has none in force; nothing where another request was quicker.
-- Rides poster_station_id_key.
INSERT INTO poster (station_id) VALUES (CAST(:station_id AS uuid))
ON CONFLICT (station_id) WHERE revoked_at IS NULL DO NOTHING
