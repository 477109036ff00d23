-- Where the published stations stand that state one of these districts, in one of these cities, arrays in step: what a
-- station that states a functional zone is compared with.
SELECT s.id, s.stated_district, s.city, ST_X(CAST(s.location AS geometry)) AS lon, ST_Y(CAST(s.location AS geometry)) AS lat
  FROM unnest(CAST(:stated AS text[]), CAST(:cities AS text[])) AS zone(stated_district, city)
  JOIN station s ON s.stated_district = zone.stated_district AND s.city IS NOT DISTINCT FROM zone.city
 WHERE s.publication_status = 'published'
 ORDER BY s.id
