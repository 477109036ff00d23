-- Enter new stations, in the order of `rows`: a JSON array of their columns, with `lon` and `lat` in WGS-84 and
-- `fitted`, their facilities. The count makes the facilities come first: station_stamp then finds them, and each
-- station is written once instead of twice. Foreign keys are checked at the end of it all.
WITH incoming AS MATERIALIZED (
  SELECT *
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS i(
      id uuid, host_ref text, external_ids jsonb, name text, kind text, brand text, tier text, address text,
      stated_district text, lon float8, lat float8, submitted_lon float8, submitted_lat float8, submitted_crs text,
      opening_hours text, hours_calendar text, staffed_hours text, hours_note text, entry_modes text[],
      registration_required boolean, serves text[], capacity integer, floor_area_m2 float8, level text,
      entrance_note text, phone text, host text, sponsor text, supervising_union text, operational_status text,
      fitted jsonb)
), fitted AS (
  INSERT INTO station_facility (station_id, facility, status, note)
  SELECT i.id, f.facility, f.status, f.note
    FROM incoming i, jsonb_to_recordset(i.fitted) AS f(facility text, status text, note text)
  RETURNING station_id
)
INSERT INTO station
      (id, managed_by, host_ref, external_ids, name, kind, brand, tier, address, stated_district, location,
       submitted_lon, submitted_lat, submitted_crs, opening_hours, hours_calendar, staffed_hours, hours_note,
       entry_modes, registration_required, serves, capacity, floor_area_m2, level, entrance_note, phone, host,
       sponsor, supervising_union, operational_status, publication_status)
SELECT id, CAST(:organisation AS text), host_ref, external_ids, name, kind, brand, tier, address, stated_district,
       CAST(ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS geography), submitted_lon, submitted_lat, submitted_crs,
       opening_hours, hours_calendar, staffed_hours, hours_note, entry_modes, registration_required, serves,
       capacity, floor_area_m2, level, entrance_note, phone, host, sponsor, supervising_union, operational_status,
       CAST(:publication AS text)
  FROM incoming
 WHERE (SELECT count(*) FROM fitted) >= 0
