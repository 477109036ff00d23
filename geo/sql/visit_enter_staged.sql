-- Enters what was copied to visit_arriving, as visit_enter does.
INSERT INTO visit SELECT * FROM visit_arriving ORDER BY station_id, id
ON CONFLICT DO NOTHING
RETURNING CAST(station_id AS text), CAST(id AS text)
