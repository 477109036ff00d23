-- One station by id or by code; unpublished ones only when `hidden` is true.
-- Rides station_pkey or station_code_key. At most one row of station_card.
SELECT *
  FROM station_card
 WHERE (id = CAST(:id AS uuid) OR code = CAST(:code AS text))
   AND (CAST(:hidden AS boolean) OR publication_status = 'published')
