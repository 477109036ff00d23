-- What the public may know of changed stations: those published, and those that once were. Rides station_pkey.
-- Rows of station_card.
SELECT *
  FROM station_card
 WHERE id = ANY (CAST(:ids AS uuid[])) AND publication_status NOT IN ('draft', 'submitted', 'returned')
 ORDER BY id
