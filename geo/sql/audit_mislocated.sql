-- Published stations of a region (or one) that state a district other than that, or the city, they stand in. With the
-- division that was meant, null where the registry knows none of that name (a functional zone), how far outside it the
-- station is, and its shape. The nearest of several of that name is meant: in the city, else in the province.
-- Names are compared once for each (stated, city): 200,000 stations state a few thousand.
WITH astray AS MATERIALIZED (
  SELECT s.*
    FROM station_card s
   WHERE s.publication_status = 'published' AND s.stated_district IS NOT NULL
     AND (CAST(:station AS uuid) IS NULL OR s.id = CAST(:station AS uuid))
     AND CASE CAST(:level AS text)
           WHEN 'province' THEN s.province_adcode = CAST(:region AS text)
           WHEN 'city' THEN s.city_adcode = CAST(:region AS text)
           WHEN 'district' THEN s.district_adcode = CAST(:region AS text)
           ELSE true END
     AND NOT (s.stated_district LIKE '%' || coalesce(s.district, '-') OR s.stated_district = coalesce(s.city, '-')
              OR s.stated_district = coalesce(s.province, '-')
              OR coalesce(s.district, '-') LIKE s.stated_district || '%' AND char_length(s.stated_district) >= 2)
), meant AS MATERIALIZED (
  SELECT DISTINCT ON (a.stated_district, a.province_adcode, a.city_adcode)
         a.stated_district, a.province_adcode, a.city_adcode, r.level, r.adcode, r.name, r.geom
    FROM (SELECT DISTINCT stated_district, province_adcode, city_adcode FROM astray) a
    JOIN region r ON r.level IN ('district', 'city')
     AND left(r.adcode, 2) = left(a.province_adcode, 2)
     AND (a.stated_district LIKE '%' || r.name
          OR char_length(a.stated_district) >= 2 AND r.name LIKE a.stated_district || '%')
   ORDER BY a.stated_district, a.province_adcode, a.city_adcode, (r.parent_adcode = a.city_adcode) DESC NULLS LAST,
            char_length(r.name) DESC, r.adcode
)
SELECT a.id, a.code, a.name, a.managed_by, a.adcode, a.lon, a.lat, a.stated_district, a.near_boundary,
       a.district, a.city, a.city_adcode, a.submitted_lon, a.submitted_lat, a.submitted_crs,
       m.adcode AS meant_adcode, m.name AS meant_name, ST_AsBinary(m.geom) AS meant_shape,
       ST_Distance(a.location, CAST(m.geom AS geography)) AS outside_m
  FROM astray a
  LEFT JOIN meant m ON m.stated_district = a.stated_district
   AND m.province_adcode IS NOT DISTINCT FROM a.province_adcode AND m.city_adcode IS NOT DISTINCT FROM a.city_adcode
 ORDER BY a.id
