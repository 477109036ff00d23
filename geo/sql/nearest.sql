-- The stations open for use nearest to a point that pass every filter given, within `metres` (nearest_reach.sql
-- says how far the k-th can be), by ellipsoidal distance and id: many may share one position.
-- Rides station_usable_location_idx or station_usable_facets_idx: the distance is a constant of its own query, so
-- that the plan does not hang on statistics. One row a station: its card, distance_m, bearing_deg (null on the spot).
WITH nearest AS MATERIALIZED (
  SELECT s.id, ST_Distance(s.location, CAST(ST_MakePoint(:lon, :lat) AS geography)) AS distance_m,
         degrees(ST_Azimuth(CAST(ST_MakePoint(:lon, :lat) AS geography), s.location)) AS bearing_deg
    FROM station s
   WHERE s.publication_status = 'published' AND s.operational_status IN ('open', 'limited')
     AND ST_DWithin(s.location, CAST(ST_MakePoint(:lon, :lat) AS geography), CAST(:metres AS float8))
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
   ORDER BY distance_m, s.id
   LIMIT CAST(:limit AS integer)
)
SELECT card.*, nearest.distance_m, nearest.bearing_deg
  FROM nearest JOIN station_card card ON card.id = nearest.id
 ORDER BY nearest.distance_m, nearest.id
