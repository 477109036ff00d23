-- The visits recorded under these keys. Rides visit_pkey.
SELECT v.*
  FROM unnest(CAST(:stations AS uuid[]), CAST(:ids AS uuid[])) AS k(station_id, id)
  JOIN visit v USING (station_id, id)
