-- The divisions of a point (WGS-84 degrees) with their names: always one row, nulls where there is none.
SELECT a.province, p.name AS province_name, a.city, c.name AS city_name, a.district, d.name AS district_name,
       a.near_boundary
  FROM region_at_v1(ST_SetSRID(ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4326)::geography) a
  LEFT JOIN region p ON p.level = 'province' AND p.adcode = a.province
  LEFT JOIN region c ON c.level = 'city' AND c.adcode = a.city
  LEFT JOIN region d ON d.level = 'district' AND d.adcode = a.district
