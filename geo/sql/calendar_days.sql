-- Days off and make-up working days of all notices.
SELECT day, kind FROM calendar_day
