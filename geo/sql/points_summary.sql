-- How many points an organisation has uploaded, their weight, box and day. One row, `points` 0 where there are none.
SELECT count(*) AS points, coalesce(sum(weight), 0) AS weight, max(loaded_at) AS loaded_at,
       min(lon) AS west, min(lat) AS south, max(lon) AS east, max(lat) AS north
  FROM planning_point
 WHERE organisation = CAST(:organisation AS text) AND purpose = CAST(:purpose AS text)
