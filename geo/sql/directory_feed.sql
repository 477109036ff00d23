-- What was written to the feed by transactions that a snapshot of `position` (its xmin) could not see yet, with the
-- head of the feed now, all of one snapshot. A change committed late by a long transaction is among them, as its xid
-- is not below that xmin; some were seen before. `epoch` tells databases, and lives after a restore, apart.
-- Rides station_change_xid_idx. A row for each change, or one with nulls for it when there is none.
WITH head AS MATERIALIZED (
  SELECT pg_current_snapshot() AS snapshot, now() AS at,
         (SELECT system_identifier FROM pg_control_system()) || '.'
         || (SELECT oid FROM pg_database WHERE datname = current_database()) || '.'
         || (SELECT timeline_id FROM pg_control_checkpoint()) AS epoch
)
SELECT CAST(CAST(pg_snapshot_xmin(snapshot) AS text) AS bigint) AS xmin,
       CAST(CAST(pg_snapshot_xmax(snapshot) AS text) AS bigint) AS xmax,
       head.at, head.epoch, c.seq, CAST(CAST(c.xid AS text) AS bigint) AS xid, CAST(c.station_id AS text) AS station_id
  FROM head
  LEFT JOIN station_change c
    ON c.xid >= CAST(CAST(:position AS text) AS xid8) AND c.xid < pg_snapshot_xmax(head.snapshot)
 ORDER BY c.seq
