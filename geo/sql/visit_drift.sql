-- Where the totals differ from what the ledger adds up to; nothing when all is well. Reads both whole.
SELECT station_id, day, last_on, method, complete, d.visits, l.visits AS ledger, d.reports, l.reports AS ledger_reports
  FROM visit_day d
  FULL JOIN (
    SELECT station_id, visit_day_v1(started_at) AS day, visit_last_day_v1(started_at, ended_at) AS last_on, method,
           complete, sum(count) AS visits, sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END) AS reports
      FROM visit GROUP BY 1, 2, 3, 4, 5) l USING (station_id, day, last_on, method, complete)
 WHERE (d.visits, d.reports) IS DISTINCT FROM (l.visits, l.reports)
 ORDER BY station_id, day, last_on, method, complete
