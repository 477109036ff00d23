-- Published stations of a region counted by any of: region (the divisions right below), kind, organisation_kind (of the
-- managing organisation), facility (working ones), status, open_24h. What is not asked for is null in every row.
-- By facility a station counts once for each it has, and under null when it has none. Rides station_region_idx.
SELECT g.region, r.name, g.kind, g.organisation_kind, g.facility, g.status, g.open_24h, g.stations
  FROM (SELECT CASE WHEN 'region' = ANY (CAST(:by AS text[])) THEN
                 CASE CAST(:level AS text) WHEN 'country' THEN s.province WHEN 'province' THEN coalesce(s.city, s.district)
                                           ELSE s.district END END AS region,
               CASE WHEN 'region' = ANY (CAST(:by AS text[])) THEN
                 CASE WHEN CAST(:level AS text) = 'country' THEN 'province'
                      WHEN CAST(:level AS text) = 'province' AND s.city IS NOT NULL THEN 'city' ELSE 'district' END END AS level,
               CASE WHEN 'kind' = ANY (CAST(:by AS text[])) THEN s.kind END AS kind,
               CASE WHEN 'organisation_kind' = ANY (CAST(:by AS text[])) THEN o.kind END AS organisation_kind,
               f.facility,
               CASE WHEN 'status' = ANY (CAST(:by AS text[])) THEN s.operational_status END AS status,
               CASE WHEN 'open_24h' = ANY (CAST(:by AS text[])) THEN coalesce(s.opening_hours IN ('24/7', '00:00-24:00'), false)
               END AS open_24h,
               count(*) AS stations
          FROM station s
          LEFT JOIN organisation o ON o.code = s.managed_by
          LEFT JOIN LATERAL unnest(s.working_facilities) AS f(facility) ON 'facility' = ANY (CAST(:by AS text[]))
         WHERE s.publication_status = 'published'
           AND CASE CAST(:level AS text)
                 WHEN 'province' THEN s.province = CAST(:region AS text)
                 WHEN 'city' THEN s.city = CAST(:region AS text)
                 WHEN 'district' THEN s.district = CAST(:region AS text)
                 ELSE true END
         GROUP BY 1, 2, 3, 4, 5, 6, 7) g
  LEFT JOIN region r ON r.level = g.level AND r.adcode = g.region
 ORDER BY g.region, g.kind, g.organisation_kind, g.facility, g.status, g.open_24h
