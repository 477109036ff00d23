-- Whether somebody else has registered, renamed or moved a station since the snapshot `began`, to where this
-- transaction has entered one of the same name, within 50 m. station_host_ref_key sees to the numbers.
-- Rides station_change_xid_idx and station_name_idx.
SELECT EXISTS (
  SELECT
    FROM station_change c
    JOIN station other ON other.id = c.station_id
    JOIN station own ON own.name = other.name AND own.id <> other.id AND ST_DWithin(own.location, other.location, 50)
   WHERE c.xid >= pg_snapshot_xmin(CAST(:began AS pg_snapshot))
     AND c.xid <> pg_current_xact_id() AND NOT pg_visible_in_snapshot(c.xid, CAST(:began AS pg_snapshot))
     AND own.changed_in = pg_current_xact_id() AND own.revision = 1
     AND other.publication_status NOT LIKE 'delisted%'
     AND other.operational_status NOT IN ('relocated', 'permanently_closed')
)
