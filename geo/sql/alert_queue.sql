-- Open alerts, oldest first, of a region (null or 100000: the whole country), with the check-ins behind each: how
-- many found that in the day up to the alert or since. Keyset: (raised_at, alert id) after the row given.
-- Rides alert_station_id_key (it holds the open ones only) and check_in_station_id_idx.
SELECT a.id AS alert_id, a.kind, a.raised_at, c.id AS station_id, c.code, c.name, c.adcode, c.managed_by,
       (SELECT count(*) FROM check_in i
         WHERE i.station_id = a.station_id AND i.outcome = a.kind AND i.at > a.raised_at - interval '24 hours')
       AS check_ins
  FROM alert a JOIN station_card c ON c.id = a.station_id
 WHERE a.closed_at IS NULL
   AND (CAST(:region AS text) IS NULL OR CAST(:region AS text) = '100000'
        OR CAST(:region AS text) IN (c.province_adcode, c.city_adcode, c.district_adcode))
   AND (CAST(:since AS timestamptz) IS NULL
        OR (a.raised_at, a.id) > (CAST(:since AS timestamptz), CAST(:id AS uuid)))
 ORDER BY a.raised_at, a.id
 LIMIT CAST(:limit AS integer)
