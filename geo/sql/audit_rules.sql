-- The distinct hours of the published stations of a region, or of one station. Rides station_region_idx or station_pkey.
SELECT DISTINCT s.opening_hours, s.hours_calendar
  FROM station s
 WHERE s.opening_hours IS NOT NULL
   AND CASE WHEN CAST(:station AS uuid) IS NOT NULL THEN s.id = CAST(:station AS uuid)
            ELSE s.publication_status = 'published' END
   AND CASE CAST(:level AS text)
         WHEN 'province' THEN s.province = CAST(:region AS text)
         WHEN 'city' THEN s.city = CAST(:region AS text)
         WHEN 'district' THEN s.district = CAST(:region AS text)
         ELSE true END
