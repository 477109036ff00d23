-- How far to look for the `limit` nearest on the ellipsoid: within 1.0091 of the k-th sphere distance (the
-- ratio ellipsoid/sphere is 0.9944–1.0033, and `<->` ranks on a sphere); the whole radius when fewer pass.
-- Rides station_usable_location_idx, or station_usable_facets_idx where the filters are rare. One row: metres, and
-- `found`, how many pass within `radius_m`, counted up to `limit`.
SELECT count(*) AS found,
       CASE WHEN count(*) < CAST(:limit AS integer) THEN CAST(:radius_m AS float8)
            ELSE least(CAST(:radius_m AS float8), 1.0091 * max(sphere_m) + 0.01) END AS metres
  FROM (
    SELECT s.location <-> CAST(ST_MakePoint(:lon, :lat) AS geography) AS sphere_m
      FROM station s
     WHERE s.publication_status = 'published' AND s.operational_status IN ('open', 'limited')
       AND ST_DWithin(s.location, CAST(ST_MakePoint(:lon, :lat) AS geography), CAST(:radius_m AS float8))
       AND (CAST(:facility AS text[]) IS NULL OR s.working_facilities @> CAST(:facility AS text[]))
       AND (CAST(:facility_any AS text[]) IS NULL OR s.working_facilities && CAST(:facility_any AS text[]))
       AND (CAST(:kind AS text[]) IS NULL OR s.kind = ANY (CAST(:kind AS text[])))
       AND (CAST(:serves AS text[]) IS NULL OR s.serves && CAST(:serves AS text[]))
       AND (CAST(:entry AS text[]) IS NULL OR s.entry_modes && CAST(:entry AS text[]))
       AND (CAST(:managed_by AS text[]) IS NULL OR s.managed_by = ANY (CAST(:managed_by AS text[])))
       AND (CAST(:registration AS boolean) IS NULL OR s.registration_required = CAST(:registration AS boolean))
       AND (s.closures = '[]' OR NOT EXISTS (
             SELECT FROM closure c
              WHERE c.station_id = s.id AND c.cancelled_at IS NULL AND c.starts_at <= CAST(:at AS timestamptz)
                AND (c.ends_at IS NULL OR c.ends_at > CAST(:at AS timestamptz))))
       AND (CAST(:rules AS integer[]) IS NULL OR s.rule_id = ANY (CAST(:rules AS integer[])))
     ORDER BY s.location <-> CAST(ST_MakePoint(:lon, :lat) AS geography)
     LIMIT CAST(:limit AS integer)) AS nearest_on_the_sphere
