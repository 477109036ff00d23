-- The stations that station_list would list in a bbox, by the same filters, counted by squares of `cell_deg` degrees of
-- which one begins at 0, 0; and where those of a square stand on average. Rides station_location_idx.
SELECT count(*) AS stations, avg(p.lon) AS lon, avg(p.lat) AS lat
  FROM station s
 CROSS JOIN LATERAL (SELECT ST_X(CAST(s.location AS geometry)) AS lon, ST_Y(CAST(s.location AS geometry)) AS lat) p
 WHERE s.publication_status = ANY (CAST(:publication AS text[]))
   AND CAST(s.location AS geometry) && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
   AND (CAST(:facility AS text[]) IS NULL OR s.working_facilities @> CAST(:facility AS text[]))
   AND (CAST(:facility_any AS text[]) IS NULL OR s.working_facilities && CAST(:facility_any AS text[]))
   AND (CAST(:kind AS text[]) IS NULL OR s.kind = ANY (CAST(:kind AS text[])))
   AND (CAST(:serves AS text[]) IS NULL OR s.serves && CAST(:serves AS text[]))
   AND (CAST(:entry AS text[]) IS NULL OR s.entry_modes && CAST(:entry AS text[]))
   AND (CAST(:managed_by AS text[]) IS NULL OR s.managed_by = ANY (CAST(:managed_by AS text[])))
   AND (CAST(:registration AS boolean) IS NULL OR s.registration_required = CAST(:registration AS boolean))
   AND (CAST(:rules AS integer[]) IS NULL OR (
         s.rule_id = ANY (CAST(:rules AS integer[])) AND s.operational_status IN ('open', 'limited')
         AND NOT EXISTS (
           SELECT FROM closure c
            WHERE c.station_id = s.id AND c.cancelled_at IS NULL AND c.starts_at <= CAST(:at AS timestamptz)
              AND (c.ends_at IS NULL OR c.ends_at > CAST(:at AS timestamptz)))))
 GROUP BY floor(p.lat / CAST(:cell_deg AS float8)), floor(p.lon / CAST(:cell_deg AS float8))
 ORDER BY floor(min(p.lat) / CAST(:cell_deg AS float8)), floor(min(p.lon) / CAST(:cell_deg AS float8))
