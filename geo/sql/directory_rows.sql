-- What the directory keeps of stations: all published ones, or those of `ids` whatever their publication status
-- (who is gone must be seen to be gone). Reads station once from end to end, or rides station_pkey.
-- For the driver itself, whose COPY takes a third of the time of a SELECT into Python; fields in the order of
-- geo.directory_rows. Nearest does not show those from `serves` on; they are taken apart where one station is read.
COPY (
  SELECT id, revision, publication_status, operational_status, lon, lat,
         code, name, address, hours_note, facilities,
         kind, brand, array_to_string(entry_modes, ','), registration_required, opening_hours, hours_calendar, synthetic,
         array_to_string(serves, ','), managed_by, closures,
         tier, host_ref, external_ids, stated_district, adcode, district, city, province, near_boundary, staffed_hours,
         capacity, floor_area_m2, level, entrance_note, phone, host, sponsor, supervising_union,
         verified_at, created_at, updated_at
    FROM station_card
   WHERE (CAST(%(ids)s AS uuid[]) IS NULL AND publication_status = 'published')
      OR id = ANY (CAST(%(ids)s AS uuid[]))
) TO STDOUT WITH (NULL E'\x02')
