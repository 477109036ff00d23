-- (f) The same where the station must have a working shower, as about 1 % do.
\set place random(1, :places)
SELECT s.id, s.name, s.kind, s.location, ST_Distance(s.location, p.location) AS distance_m
  FROM bench_place p CROSS JOIN LATERAL (
       SELECT station.id, station.name, station.kind, station.location
         FROM station
        WHERE station.publication_status = 'published' AND station.operational_status IN ('open', 'limited')
          AND station.working_facilities @> '{shower}'
        ORDER BY station.location <-> p.location
        LIMIT 10) AS s
 WHERE p.id = :place;
