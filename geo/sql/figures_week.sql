-- What happened to the stations of a region from `since` up to, and without, `until`, from their history: entered,
-- published, returned, delisted, changed otherwise, closures begun, and findings decided. One row.
-- Rides station_region_idx and station_history_station_id_idx.
WITH here AS MATERIALIZED (
  SELECT s.id FROM station s
   WHERE CASE CAST(:level AS text)
           WHEN 'province' THEN s.province = CAST(:region AS text)
           WHEN 'city' THEN s.city = CAST(:region AS text)
           WHEN 'district' THEN s.district = CAST(:region AS text)
           ELSE true END
), happened AS (
  SELECT h.before, h.after FROM station_history h JOIN here ON here.id = h.station_id
   WHERE h.at >= CAST(:since AS timestamptz) AND h.at < CAST(:until AS timestamptz)
)
SELECT count(*) FILTER (WHERE before IS NULL) AS entered,
       count(*) FILTER (WHERE after ->> 'publication_status' = 'published') AS published,
       count(*) FILTER (WHERE after ->> 'publication_status' = 'returned') AS returned,
       count(*) FILTER (WHERE after ->> 'publication_status' LIKE 'delisted%') AS delisted,
       count(*) FILTER (WHERE before IS NOT NULL AND NOT after ? 'publication_status') AS changed,
       (SELECT count(*) FROM closure c JOIN here ON here.id = c.station_id
         WHERE c.cancelled_at IS NULL AND c.starts_at >= CAST(:since AS timestamptz)
           AND c.starts_at < CAST(:until AS timestamptz)) AS closures_begun,
       (SELECT count(*) FROM finding_decision d JOIN here ON here.id = d.station_id
         WHERE d.decided_at >= CAST(:since AS timestamptz) AND d.decided_at < CAST(:until AS timestamptz))
         AS findings_decided
  FROM happened
