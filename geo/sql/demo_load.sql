-- Enter the batch in `demo_stage`, in its order. The count makes the facilities come first: station_stamp then
-- finds them, and each station is written once instead of twice. Foreign keys are checked at the end of it all.
WITH fitted AS (
  INSERT INTO station_facility (station_id, facility, status)
  SELECT waiting.id, fitting.facility, fitting.status
    FROM demo_stage waiting, unnest(waiting.facilities, waiting.statuses) AS fitting (facility, status)
  RETURNING station_id
)
INSERT INTO station
      (id, managed_by, host_ref, name, kind, brand, tier, address, stated_district, location, submitted_lon,
       submitted_lat, opening_hours, hours_calendar, staffed_hours, entry_modes, registration_required, serves,
       capacity, floor_area_m2, level, entrance_note, phone, host, sponsor, supervising_union,
       operational_status, publication_status, verified_at, synthetic)
SELECT id, managed_by, host_ref, name, kind, brand, tier, address, stated_district, location, submitted_lon,
       submitted_lat, opening_hours, hours_calendar, staffed_hours, entry_modes, registration_required, serves,
       capacity, floor_area_m2, level, entrance_note, phone, host, sponsor, supervising_union,
       operational_status, publication_status, verified_at, true
  FROM demo_stage
 WHERE (SELECT count(*) FROM fitted) >= 0
