-- Stores the points of an organisation, arrays in step, numbered from 1.
INSERT INTO planning_point (organisation, purpose, number, name, lon, lat, weight)
SELECT CAST(:organisation AS text), CAST(:purpose AS text), p.number, nullif(p.name, ''), p.lon, p.lat, p.weight
  FROM unnest(CAST(:names AS text[]), CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:weights AS float8[]))
       WITH ORDINALITY AS p(name, lon, lat, weight, number)
