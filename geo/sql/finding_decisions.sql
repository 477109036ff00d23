-- The last decision about each finding of an audit, on stations of a region or on one station, with the stations as
-- they are now. Rides finding_decision_station_id_idx.
SELECT d.*, json_build_object('id', s.id, 'code', s.code, 'name', s.name, 'managed_by', s.managed_by,
              'adcode', s.adcode, 'lon', round(CAST(s.lon AS numeric), 6), 'lat', round(CAST(s.lat AS numeric), 6)) AS station,
       CASE WHEN o.id IS NOT NULL THEN
         json_build_object('id', o.id, 'code', o.code, 'name', o.name, 'managed_by', o.managed_by,
              'adcode', o.adcode, 'lon', round(CAST(o.lon AS numeric), 6), 'lat', round(CAST(o.lat AS numeric), 6)) END AS other
  FROM (SELECT DISTINCT ON (station_id, other_id) station_id, other_id, state, reason, facts, explanation, decided_by,
               decided_at
          FROM finding_decision
         WHERE audit = CAST(:audit AS text) AND (CAST(:station AS uuid) IS NULL OR station_id = CAST(:station AS uuid))
         ORDER BY station_id, other_id, id DESC) d
  JOIN station_card s ON s.id = d.station_id
  LEFT JOIN station_card o ON o.id = d.other_id
 WHERE CASE CAST(:level AS text)
         WHEN 'province' THEN s.province_adcode = CAST(:region AS text)
         WHEN 'city' THEN s.city_adcode = CAST(:region AS text)
         WHEN 'district' THEN s.district_adcode = CAST(:region AS text)
         ELSE true END
