-- Enter the batch in `demo_stage`, in its order, while the tables have no triggers: what these would make row by row is
-- made here of all rows at once, in half the time. A test holds it to what `demo_load` writes. The rules of opening
-- are there already (`demo_rules`). Rides region_part_geom_idx and region_border_line_idx.
WITH fitted AS (
  INSERT INTO station_facility (station_id, facility, status)
  SELECT w.id, f.facility, f.status
    FROM demo_stage w, unnest(w.facilities, w.statuses) AS f (facility, status)
), entered AS (
  INSERT INTO station
        (id, number, code, managed_by, host_ref, name, kind, brand, tier, address, stated_district, location,
         approved_location, submitted_lon, submitted_lat, province, city, district, near_boundary, opening_hours,
         hours_calendar, rule_id, staffed_hours, entry_modes, registration_required, serves, facilities,
         working_facilities, capacity, floor_area_m2, level, entrance_note, phone, host, sponsor, supervising_union,
         operational_status, publication_status, verified_at, synthetic)
  OVERRIDING SYSTEM VALUE
  SELECT w.id, w.number, station_code_v1(w.number), w.managed_by, w.host_ref, w.name, w.kind, w.brand, w.tier,
         w.address, w.stated_district, w.location, CASE WHEN w.publication_status = 'published' THEN w.location END,
         w.submitted_lon, w.submitted_lat, coalesce(a.province, beside.province), coalesce(a.city, beside.city),
         coalesce(a.district, beside.district),
         coalesce(beside.near_boundary,
                  EXISTS (SELECT FROM region_border b WHERE ST_DWithin(b.line, w.location, 500))),
         w.opening_hours, w.hours_calendar,
         (SELECT r.id FROM opening_rule r
           WHERE r.opening_hours = w.opening_hours AND r.hours_calendar = w.hours_calendar),
         w.staffed_hours, w.entry_modes, w.registration_required, w.serves, f.records, f.working, w.capacity,
         w.floor_area_m2, w.level, w.entrance_note, w.phone, w.host, w.sponsor, w.supervising_union,
         w.operational_status, w.publication_status, w.verified_at, true
    FROM (SELECT nextval((SELECT CAST(pg_get_serial_sequence('station', 'number') AS regclass))) AS number, d.*
            FROM demo_stage d
          OFFSET 0) w
    -- As region_at_v1, which takes twice as long for being called; it is asked of those in no division.
    LEFT JOIN LATERAL (
         SELECT p.province, p.city, p.district
           FROM region_part p
          WHERE ST_Intersects(p.geom, CAST(w.location AS geometry))
          ORDER BY p.district, p.city, p.province
          LIMIT 1) a ON true
    LEFT JOIN LATERAL (SELECT * FROM region_at_v1(w.location) WHERE a.province IS NULL) beside ON true
   CROSS JOIN LATERAL (
         SELECT coalesce(jsonb_agg(o), '[]') AS records,
                coalesce(array_agg(o.facility) FILTER (WHERE o.status = 'working'), '{}') AS working
           FROM (SELECT n.facility, n.status,
                        (SELECT facility_record_v1('', '', NULL, now()) ->> 'checked_at') AS checked_at
                   FROM unnest(w.facilities, w.statuses) AS n (facility, status)
                  ORDER BY n.facility) o) f
  RETURNING *
), fed AS (
  INSERT INTO station_change (station_id, revision) SELECT id, revision FROM entered
)
INSERT INTO station_history (station_id, revision, actor, organisation, reason, after)
SELECT e.id, e.revision, (SELECT station_actor_v1()),
       (SELECT nullif(current_setting('yizhan.organisation', true), '')),
       (SELECT nullif(current_setting('yizhan.reason', true), '')), jsonb_strip_nulls(to_jsonb(said))
  FROM entered e
 -- As station_record_v1, which first makes JSON of all there is.
 CROSS JOIN LATERAL (
       SELECT e.managed_by, e.host_ref, e.external_ids, e.name, e.kind, e.brand, e.tier, e.address, e.stated_district,
              e.submitted_lon, e.submitted_lat, e.submitted_crs, e.province, e.city, e.district, e.near_boundary,
              e.opening_hours, e.hours_calendar, e.staffed_hours, e.hours_note, e.entry_modes,
              e.registration_required, e.serves, e.facilities, e.capacity, e.floor_area_m2, e.level, e.entrance_note,
              e.phone, e.host, e.sponsor, e.supervising_union, e.operational_status, e.publication_status,
              e.successor_id, e.synthetic, e.verified_at, e.closures,
              round(CAST(ST_X(CAST(e.location AS geometry)) AS numeric), 7) AS lon,
              round(CAST(ST_Y(CAST(e.location AS geometry)) AS numeric), 7) AS lat) said
