-- Stations that pass every filter given, in the order of their ids, after one of them (keyset paging).
-- Rides station_location_idx for a bbox, station_region_idx for a region, station_external_ids_idx for a code of
-- another system, station_pkey otherwise.
-- `publication` null means whatever its publication status. Rows of station_card.
WITH page AS MATERIALIZED (
  SELECT s.id
    FROM station s
   WHERE (CAST(:publication AS text[]) IS NULL OR s.publication_status = ANY (CAST(:publication AS text[])))
     AND (CAST(:after AS uuid) IS NULL OR s.id > CAST(:after AS uuid))
     AND (CAST(:west AS float8) IS NULL
          OR CAST(s.location AS geometry) && ST_MakeEnvelope(:west, :south, :east, :north, 4326))
     AND CASE CAST(:level AS text)
           WHEN 'province' THEN s.province = CAST(:region AS text)
           WHEN 'city' THEN s.city = CAST(:region AS text)
           WHEN 'district' THEN s.district = CAST(:region AS text)
           ELSE true END
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
     AND (CAST(:updated_since AS timestamptz) IS NULL OR s.updated_at >= CAST(:updated_since AS timestamptz))
     AND (CAST(:external_id AS jsonb) IS NULL
          OR s.external_ids <> '{}' AND s.external_ids @> CAST(:external_id AS jsonb))
     -- Chinese has no upper and lower case, and to fold them all the same takes two thirds of such a search.
     AND CASE
           WHEN CAST(:q AS text) IS NULL THEN true
           WHEN CAST(:q_has_cases AS boolean) THEN
             s.name ILIKE CAST(:q AS text) OR s.address ILIKE CAST(:q AS text)
             OR s.code ILIKE CAST(:q AS text) OR s.host_ref ILIKE CAST(:q AS text)
           ELSE
             s.name LIKE CAST(:q AS text) OR s.address LIKE CAST(:q AS text)
             OR s.code LIKE CAST(:q AS text) OR s.host_ref LIKE CAST(:q AS text) END
   ORDER BY s.id
   LIMIT CAST(:limit AS integer)
)
SELECT card.* FROM page JOIN station_card card USING (id) ORDER BY card.id
