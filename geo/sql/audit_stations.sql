-- The published stations of a region (or one of them) with what the audits of upkeep look at: what is missing, when
-- somebody last verified or changed it or found it as described, in days. A check-in from more than 1 km away is none.
-- Rides station_region_idx or station_pkey, and check_in_station_id_idx backwards once a station.
SELECT s.id, s.code, s.name, s.managed_by, s.adcode, s.lon, s.lat, s.verified_at, s.updated_at, s.created_at, s.revision,
       c.at AS seen_at,
       extract(epoch FROM now() - s.verified_at) / 86400 AS verified_days,
       extract(epoch FROM now() - greatest(s.verified_at, s.updated_at, c.at)) / 86400 AS untouched_days,
       array_remove(ARRAY[CASE WHEN s.address IS NULL THEN 'address' END,
                          CASE WHEN s.opening_hours IS NULL THEN 'opening_hours' END,
                          CASE WHEN jsonb_array_length(s.facilities) = 0 THEN 'facilities' END,
                          CASE WHEN cardinality(s.entry_modes) = 0 THEN 'entry_modes' END,
                          CASE WHEN s.stated_district IS NULL THEN 'stated_district' END,
                          CASE WHEN s.managed_by IS NULL THEN 'managed_by' END], NULL) AS missing
  FROM station_card s
  LEFT JOIN LATERAL (
    SELECT k.at FROM check_in k
     WHERE k.station_id = s.id AND k.outcome = ANY (CAST(:as_described AS text[]))
       AND k.distance_band IS DISTINCT FROM 'farther'
     ORDER BY k.at DESC LIMIT 1) c ON true
 WHERE s.publication_status = 'published' AND s.operational_status NOT IN ('relocated', 'permanently_closed')
   AND (CAST(:station AS uuid) IS NULL OR s.id = CAST(:station AS uuid))
   AND CASE CAST(:level AS text)
         WHEN 'province' THEN s.province_adcode = CAST(:region AS text)
         WHEN 'city' THEN s.city_adcode = CAST(:region AS text)
         WHEN 'district' THEN s.district_adcode = CAST(:region AS text)
         ELSE true END
