-- Every published station, or every station at all, in the order of their ids. Rides station_pkey.
-- Rows of station_card; read with a server-side cursor.
SELECT *
  FROM station_card
 WHERE CAST(:everything AS boolean) OR publication_status = 'published'
 ORDER BY id
