-- Enter the rules of opening that are new in `demo_stage`, in the order in which they come up there.
INSERT INTO opening_rule (opening_hours, hours_calendar)
SELECT opening_hours, hours_calendar
  FROM (SELECT opening_hours, hours_calendar, row_number() OVER () AS n FROM demo_stage) w
 WHERE opening_hours IS NOT NULL
   AND NOT EXISTS (SELECT FROM opening_rule r
                    WHERE r.opening_hours = w.opening_hours AND r.hours_calendar = w.hours_calendar)
 GROUP BY opening_hours, hours_calendar
 ORDER BY min(n)
