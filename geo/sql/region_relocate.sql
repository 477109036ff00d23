-- Gives every station the divisions it now stands in and returns how many changed; the others are not touched.
-- A look-up a station, 30 us, and a second one for what changes: no join, which statistics taken in the middle of an
-- import could make quadratic.
WITH changed AS (
  UPDATE station s
     SET (province, city, district, near_boundary)
         = (SELECT r.province, r.city, r.district, r.near_boundary FROM region_at_v1(s.location) r)
   WHERE ROW(s.province, s.city, s.district, s.near_boundary) IS DISTINCT FROM region_at_v1(s.location)
  RETURNING s.id)
SELECT count(*) FROM changed
