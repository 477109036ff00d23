-- The next changes of the feed, with its head, all of one snapshot. First those settled: written by transactions below
-- the snapshot's xmin, among which none can appear late, in the order (xid, seq) after the place given. Where these do
-- not fill the page, those ahead: visible already, though a transaction that began before is still open; they come
-- again once settled. `ahead_xid` and `ahead_seq` say up to where they were given in pages before.
-- Rides station_change_xid_idx. A row for each change, or one with nulls when there is none.
WITH head AS MATERIALIZED (
  SELECT pg_current_snapshot() AS snapshot, now() AS at,
         (SELECT system_identifier FROM pg_control_system()) || '.'
         || (SELECT oid FROM pg_database WHERE datname = current_database()) || '.'
         || (SELECT timeline_id FROM pg_control_checkpoint()) AS epoch
), settled AS MATERIALIZED (
  SELECT c.xid, c.seq, c.station_id, true AS settled
    FROM station_change c
   WHERE (c.xid, c.seq) > (CAST(CAST(:xid AS text) AS xid8), CAST(:seq AS bigint))
     AND c.xid < (SELECT pg_snapshot_xmin(snapshot) FROM head)
   ORDER BY c.xid, c.seq
   LIMIT CAST(:limit AS integer)
), ahead AS MATERIALIZED (
  SELECT c.xid, c.seq, c.station_id, false AS settled
    FROM station_change c
   WHERE (c.xid, c.seq) > (CAST(CAST(:ahead_xid AS text) AS xid8), CAST(:ahead_seq AS bigint))
     AND c.xid >= (SELECT pg_snapshot_xmin(snapshot) FROM head)
   ORDER BY c.xid, c.seq
   LIMIT CAST(:limit AS integer) - (SELECT count(*) FROM settled)
)
SELECT CAST(CAST(pg_snapshot_xmin(head.snapshot) AS text) AS bigint) AS xmin,
       CAST(CAST(pg_snapshot_xmax(head.snapshot) AS text) AS bigint) AS xmax,
       head.at, head.epoch, CAST(CAST(page.xid AS text) AS bigint) AS xid, page.seq, page.settled,
       CAST(page.station_id AS text) AS station_id
  FROM head LEFT JOIN (SELECT * FROM settled UNION ALL SELECT * FROM ahead) AS page ON true
 ORDER BY page.settled DESC, page.xid, page.seq
