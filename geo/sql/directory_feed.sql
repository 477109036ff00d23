-- What was written to the feed by transactions that a snapshot of `position` (its xmin) could not see yet, with the
-- head of the feed now, all of one snapshot. A change committed late by a long transaction is among them, as its xid
-- is not below that xmin; some were seen before. `epoch` tells databases, and lives after a restore, apart.
-- Rides station_change_xid_idx. A row for each transaction, whose changes are seen all at once: its stations, one after
-- the other, as an import's hundred thousand rows would keep the interpreter from its riders; or one with nulls.
WITH head AS MATERIALIZED (
  SELECT pg_current_snapshot() AS snapshot, now() AS at,
         (SELECT system_identifier FROM pg_control_system()) || '.'
         || (SELECT oid FROM pg_database WHERE datname = current_database()) || '.'
         || (SELECT timeline_id FROM pg_control_checkpoint()) AS epoch
)
SELECT CAST(CAST(pg_snapshot_xmin(snapshot) AS text) AS bigint) AS xmin,
       CAST(CAST(pg_snapshot_xmax(snapshot) AS text) AS bigint) AS xmax,
       head.at, head.epoch, CAST(CAST(c.xid AS text) AS bigint) AS xid, c.stations
  FROM head
  LEFT JOIN LATERAL (
    SELECT xid, string_agg(CAST(station_id AS text), ',') AS stations
      FROM station_change
     WHERE xid >= CAST(CAST(:position AS text) AS xid8) AND xid < pg_snapshot_xmax(head.snapshot)
     GROUP BY xid
  ) c ON true
