-- Which stations an incoming row may be: the managing organisation's own with the same host_ref, and any with
-- the same name within 50 m, whoever manages it. Delisted and removed ones match by host_ref only; `removed` are
-- those that are no more.
-- Rides station_host_ref_key and station_name_idx.
-- `rows` is a JSON array of {row, host_ref, name, lon, lat}, WGS-84. One row a candidate:
-- row, id, code, host_ref, own (same managing organisation), by_ref, distance_m, removed, successor_id.
WITH incoming AS MATERIALIZED (
  SELECT i.row, i.host_ref, i.name, CAST(ST_MakePoint(i.lon, i.lat) AS geography) AS place
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
      AS i(row integer, host_ref text, name text, lon float8, lat float8)
)
SELECT i.row, s.id, s.code, s.host_ref, true AS own, true AS by_ref, ST_Distance(s.location, i.place) AS distance_m,
       s.operational_status IN ('relocated', 'permanently_closed')
         OR s.publication_status = 'delisted_duplicate' AND s.successor_id IS NOT NULL AS removed, s.successor_id
  FROM incoming i
  JOIN station s ON s.host_ref = i.host_ref AND s.managed_by IS NOT DISTINCT FROM CAST(:organisation AS text)
UNION ALL
SELECT i.row, s.id, s.code, s.host_ref, s.managed_by IS NOT DISTINCT FROM CAST(:organisation AS text), false,
       ST_Distance(s.location, i.place), false, NULL
  FROM incoming i
  JOIN station s ON s.name = i.name AND ST_DWithin(s.location, i.place, 50)
 WHERE s.publication_status NOT LIKE 'delisted%'
   AND s.operational_status NOT IN ('relocated', 'permanently_closed')
 ORDER BY row, by_ref DESC, own DESC, distance_m, id
