-- Where a batch of the synthetic network waits between COPY and `demo_load`; gone with the transaction.
CREATE TEMPORARY TABLE demo_stage ON COMMIT DROP AS
SELECT id, managed_by, host_ref, name, kind, brand, tier, address, stated_district, location, submitted_lon,
       submitted_lat, opening_hours, hours_calendar, staffed_hours, entry_modes, registration_required, serves,
       capacity, floor_area_m2, level, entrance_note, phone, host, sponsor, supervising_union,
       operational_status, publication_status, verified_at,
       CAST(NULL AS text[]) AS facilities, CAST(NULL AS text[]) AS statuses
  FROM station
  WITH NO DATA
