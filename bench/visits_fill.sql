-- Twenty million rows of ledger, by the owner: 500 days of a tally at every station, and at every third of them the
-- scans of a poster too. Not by way of the triggers, which would take hours: the totals are summed up afterwards, in the
-- order of days, as they would have come, and `yizhan audit rollups` proves that they are what the triggers make.
SET session_replication_role = replica;
ALTER TABLE visit DROP CONSTRAINT visit_pkey;

INSERT INTO visit (station_id, id, count, started_at, ended_at, method, complete, organisation, recorded_by, recorded_at)
SELECT s.id, gen_random_uuid(), CAST(floor(40 * random() * random()) AS integer), d.day + interval '9 hours',
       d.day + interval '17 hours', m.method, m.method <> 'qr_scan', s.managed_by, 'bench', d.day + interval '18 hours'
  FROM generate_series(timestamptz '2025-07-01 00:00+08', timestamptz '2025-07-01 00:00+08' + interval '499 days',
                       interval '1 day') AS d(day)
 CROSS JOIN (SELECT id, managed_by, row_number() OVER (ORDER BY id) AS n FROM station) AS s
 CROSS JOIN (VALUES ('staff_tally', 1), ('qr_scan', 3)) AS m(method, every)
 WHERE s.n % m.every = 0;

ALTER TABLE visit ADD CONSTRAINT visit_pkey PRIMARY KEY (station_id, id);

INSERT INTO visit_day (station_id, day, last_on, method, complete, visits, reports)
SELECT station_id, visit_day_v1(started_at), visit_last_day_v1(started_at, ended_at), method, complete,
       sum(count), sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END)
  FROM visit GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 1, 4, 5;

ANALYZE visit_day;

TRUNCATE visit_month;
UPDATE visit_closing SET read_before = '-infinity';
SELECT visit_close_v1()
