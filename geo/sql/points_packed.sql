-- The points of an organisation in a box, packed as big-endian doubles: demand with its weights, or premises.
-- Rides planning_point_pkey. One row; `points` is how many it has altogether, 0 where it has uploaded none.
SELECT count(*) AS points,
       coalesce(string_agg(float8send(p.lon), CAST('' AS bytea) ORDER BY p.number) FILTER (WHERE near), CAST('' AS bytea)) AS lon,
       coalesce(string_agg(float8send(p.lat), CAST('' AS bytea) ORDER BY p.number) FILTER (WHERE near), CAST('' AS bytea)) AS lat,
       coalesce(string_agg(float8send(p.weight), CAST('' AS bytea) ORDER BY p.number) FILTER (WHERE near), CAST('' AS bytea)) AS weight,
       coalesce(array_agg(coalesce(p.name, '') ORDER BY p.number) FILTER (WHERE near AND p.purpose = 'premises'), '{}') AS names
  FROM (SELECT *, lon BETWEEN CAST(:west AS float8) AND CAST(:east AS float8)
                  AND lat BETWEEN CAST(:south AS float8) AND CAST(:north AS float8) AS near
          FROM planning_point
         WHERE organisation = CAST(:organisation AS text) AND purpose = CAST(:purpose AS text)) p
