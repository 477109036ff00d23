-- Raises an alert where another visitor than these (one person, under the keys of two days) found the same within
-- a day; one report from far away, or from outside the posted hours, does not count. One open alert of a kind.
-- Returns a row where one was raised. Rides check_in_station_id_idx and alert_station_id_key.
INSERT INTO alert (station_id, kind)
SELECT CAST(:station_id AS uuid), CAST(:kind AS text)
 WHERE EXISTS (
   SELECT FROM check_in
    WHERE station_id = CAST(:station_id AS uuid) AND at > now() - interval '24 hours'
      AND outcome = CAST(:kind AS text) AND visitor_hash <> ALL (CAST(:same AS bytea[]))
      AND distance_band IS DISTINCT FROM 'farther'
      AND (outcome = 'not_found' OR in_posted_hours IS NOT FALSE))
ON CONFLICT (station_id, kind) WHERE closed_at IS NULL DO NOTHING
RETURNING id
