-- Say how one facility of a station is now. Rides station_facility_pkey; triggers carry it to the station.
INSERT INTO station_facility (station_id, facility, status, note)
VALUES (:station_id, :facility, :status, CAST(:note AS text))
ON CONFLICT (station_id, facility) DO UPDATE
   SET status = excluded.status, note = excluded.note, checked_at = now()
