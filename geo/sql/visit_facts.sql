-- What decides whether these callers may record at these stations: one row for each pair of key and station asked,
-- in the order asked; nulls where there is no live key of that prefix, or no such station.
-- `closures` is null where there are none, which is quicker to read.
-- `relation` is 'own' or 'descendant' where the key's organisation manages the station itself or from above; for the
-- latter `above` has the organisations that this goes by. All with the versions of their rows: see visit_enter.
-- Rides api_key_pkey, station_pkey and organisation_pkey: once a pair, however many visits it has.
WITH RECURSIVE asked AS (
  SELECT *
    FROM ROWS FROM (json_to_recordset(CAST(:asked AS json)) AS (prefix text, station_id uuid))
         WITH ORDINALITY AS a(prefix, station_id, n)
), found AS (
  SELECT a.n, k.prefix, k.xmin AS key_version, k.secret_hash, k.organisation, k.role, k.region, k.last_used_on,
         s.id, s.xmin AS station_version, s.managed_by, s.publication_status, s.province, s.city, s.district,
         s.opening_hours, s.hours_calendar, s.closures
    FROM asked a
    LEFT JOIN api_key k ON k.prefix = a.prefix AND k.revoked_at IS NULL
                       AND (k.expires_at IS NULL OR k.expires_at > now())
    LEFT JOIN station s ON s.id = a.station_id
), above AS (
  SELECT DISTINCT managed_by AS start, managed_by AS code FROM found WHERE managed_by IS NOT NULL
  UNION
  SELECT a.start, o.parent FROM above a JOIN organisation o ON o.code = a.code WHERE o.parent IS NOT NULL
), related AS (
  SELECT f.*, CASE WHEN f.managed_by = f.organisation THEN 'own'
                   WHEN EXISTS (SELECT FROM above a WHERE a.start = f.managed_by AND a.code = f.organisation)
                   THEN 'descendant' END AS relation
    FROM found f
)
SELECT f.prefix, f.secret_hash, f.organisation, f.role, f.region, f.id IS NOT NULL AS is_station, f.publication_status,
       f.province, f.city, f.district, f.opening_hours, f.hours_calendar, nullif(f.closures, '[]') AS closures,
       f.relation, f.last_used_on, clock_timestamp() AS clock, CAST(f.id AS text) AS station_id,
       CAST(f.key_version AS text) AS key_version, CAST(f.station_version AS text) AS station_version,
       CASE WHEN f.relation = 'descendant' THEN (
         SELECT json_object_agg(o.code, CAST(o.xmin AS text))
           FROM above a JOIN organisation o ON o.code = a.code WHERE a.start = f.managed_by) END AS above
  FROM related f
 ORDER BY f.n
