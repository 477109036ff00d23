-- What decides whether these callers may record at these stations: one row for each pair of key and station asked,
-- in the order asked; nulls where there is no live key of that prefix, or no such station.
-- `closures` is null where there are none, which is quicker to read; `stale`: the key was not used yet today.
-- `relation` is 'own' or 'descendant' where the key's organisation manages the station itself or from above.
-- Rides api_key_pkey, station_pkey and organisation_pkey: once a pair, however many visits it has.
WITH RECURSIVE asked AS (
  SELECT *
    FROM ROWS FROM (json_to_recordset(CAST(:asked AS json)) AS (prefix text, station_id uuid))
         WITH ORDINALITY AS a(prefix, station_id, n)
), found AS (
  SELECT a.n, k.prefix, k.secret_hash, k.organisation, k.role, k.region, k.last_used_on, s.id, s.managed_by,
         s.publication_status, s.province, s.city, s.district, s.opening_hours, s.hours_calendar, s.closures
    FROM asked a
    LEFT JOIN api_key k ON k.prefix = a.prefix AND k.revoked_at IS NULL
                       AND (k.expires_at IS NULL OR k.expires_at > now())
    LEFT JOIN station s ON s.id = a.station_id
), above AS (
  SELECT DISTINCT managed_by AS start, managed_by AS code FROM found WHERE managed_by IS NOT NULL
  UNION
  SELECT a.start, o.parent FROM above a JOIN organisation o ON o.code = a.code WHERE o.parent IS NOT NULL
)
SELECT f.prefix, f.secret_hash, f.organisation, f.role, f.region, f.id IS NOT NULL AS is_station, f.publication_status,
       f.province, f.city, f.district, f.opening_hours, f.hours_calendar, nullif(f.closures, '[]') AS closures,
       f.last_used_on IS DISTINCT FROM current_date AS stale, now() AS at,
       CASE WHEN f.managed_by = f.organisation THEN 'own'
            WHEN EXISTS (SELECT FROM above a WHERE a.start = f.managed_by AND a.code = f.organisation)
            THEN 'descendant' END AS relation
  FROM found f
 ORDER BY f.n
