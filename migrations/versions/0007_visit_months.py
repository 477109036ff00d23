"""Visits: totals of the months that are over beside those by day: a year of a province need not add up a million days.

Revision: 0007
Revises: 0006

The running month is not in them, so that recording a visit costs no more than before. A month is closed some days after
its end; what is reported of it later is added up in the same transaction as its day, from the days: it is summed
up anew, never added to and subtracted from.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The most trusted first, as they stood at this revision; a test holds the newest equal to geo/vocabulary.py.
METHODS = ("qr_scan", "access_control", "people_counter", "staff_tally", "estimate", "legacy_import")
TRUST = "ARRAY[" + ", ".join(f"'{method}'" for method in METHODS) + "]"

MONTH = f"""
-- What the total of a day is worth: trust above number (2^40), so that the largest is the official one. Below 2^40
-- it is a lower bound.
CREATE FUNCTION visit_worth_v1(method text, complete boolean, visits bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN complete THEN (7 - array_position({TRUST}, method)) * 1099511627776 ELSE 0 END + visits
$$;

CREATE FUNCTION visit_month_v1(day date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CAST(date_trunc('month', CAST(day AS timestamp)) AS date) $$;

-- Totals per station and month: of each method alone, and under 'official' the official ones. `visits` adds up the
-- official total of each day (of a method alone: its complete one, else its partial one), `reported` all that was
-- reported; `days` is on how many days that was, and `partial_days` on how many of these it is a lower bound. What
-- lasts longer than a day is not in here.
CREATE TABLE visit_month (
  station_id uuid NOT NULL CONSTRAINT visit_month_station_id_fkey REFERENCES station,
  month date NOT NULL,
  method text NOT NULL,
  visits bigint NOT NULL DEFAULT 0,
  reported bigint NOT NULL DEFAULT 0,
  days integer NOT NULL DEFAULT 0,
  partial_days integer NOT NULL DEFAULT 0,
  -- All in the key's index: what is closed is read often and changes seldom.
  CONSTRAINT visit_month_pkey PRIMARY KEY (station_id, month, method) INCLUDE (visits, reported, days, partial_days),
  CONSTRAINT visit_month_month_check CHECK (extract(day FROM month) = 1),
  CONSTRAINT visit_month_method_check CHECK (method = 'official' OR method = ANY ({TRUST}))
);

-- Months before `kept_before` are kept by the trigger; of these, those before `read_before` are complete. One row.
CREATE TABLE visit_closing (
  one boolean CONSTRAINT visit_closing_pkey PRIMARY KEY DEFAULT true,
  kept_before date NOT NULL,
  read_before date NOT NULL,
  CONSTRAINT visit_closing_one_check CHECK (one),
  CONSTRAINT visit_closing_kept_before_check CHECK (extract(day FROM kept_before) = 1),
  CONSTRAINT visit_closing_read_before_check CHECK (extract(day FROM read_before) = 1 AND read_before <= kept_before)
);

-- A month of a station as its days make it. Rides visit_day_pkey.
CREATE FUNCTION visit_month_of_v1(station uuid, month date)
RETURNS TABLE (method text, visits bigint, reported bigint, days integer, partial_days integer)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(b.method, 'official'), CAST(coalesce(sum(b.worth % 1099511627776), 0) AS bigint),
         CAST(coalesce(sum(b.reported), 0) AS bigint), CAST(count(b.worth) AS integer),
         CAST(count(*) FILTER (WHERE b.worth < 1099511627776) AS integer)
    FROM (SELECT d.method, max(visit_worth_v1(d.method, d.complete, d.visits)) FILTER (WHERE d.reports > 0) AS worth,
                 sum(d.visits) FILTER (WHERE d.reports > 0) AS reported
            FROM visit_day d
           WHERE d.station_id = $1 AND d.day >= $2 AND d.day < CAST($2 + interval '1 month' AS date)
             AND d.last_on = d.day
           GROUP BY GROUPING SETS ((d.day, d.method), (d.day))) b
   GROUP BY b.method
$$;

-- Days as before; then those of the months they are in that are closed. The row 'official' is locked first, in a fixed
-- order, so that of two who report different methods of a month the later one, in a statement of its own, sees what the
-- earlier one wrote.
CREATE FUNCTION visit_sum_v2() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
DECLARE
  closed date := (SELECT kept_before FROM visit_closing);
  stations uuid[];
  months date[];
BEGIN
  INSERT INTO visit_day AS d (station_id, day, last_on, method, complete, visits, reports)
  SELECT station_id, visit_day_v1(started_at), visit_last_day_v1(started_at, ended_at), method, complete,
         sum(count), sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END)
    FROM entered GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (station_id, day, last_on, method, complete)
  DO UPDATE SET visits = d.visits + excluded.visits, reports = d.reports + excluded.reports;

  IF (SELECT visit_day_v1(min(started_at)) < closed FROM entered) THEN
    SELECT array_agg(station_id), array_agg(month) INTO stations, months
      FROM (SELECT DISTINCT station_id, visit_month_v1(visit_day_v1(started_at)) AS month
              FROM entered
             WHERE visit_day_v1(started_at) < closed
               AND visit_last_day_v1(started_at, ended_at) = visit_day_v1(started_at)
             ORDER BY 1, 2) e;
    INSERT INTO visit_month (station_id, month, method)
    SELECT station_id, month, 'official' FROM unnest(stations, months) AS e(station_id, month)
    ON CONFLICT (station_id, month, method) DO NOTHING;
    PERFORM
       FROM unnest(stations, months) WITH ORDINALITY AS e(station_id, month, n)
       JOIN visit_month m USING (station_id, month)
      WHERE m.method = 'official' ORDER BY e.n FOR NO KEY UPDATE OF m;
    INSERT INTO visit_month AS m (station_id, month, method, visits, reported, days, partial_days)
    SELECT e.station_id, e.month, n.method, n.visits, n.reported, n.days, n.partial_days
      FROM unnest(stations, months) AS e(station_id, month)
     CROSS JOIN LATERAL visit_month_of_v1(e.station_id, e.month) n
    ON CONFLICT (station_id, month, method)
    DO UPDATE SET visits = excluded.visits, reported = excluded.reported, days = excluded.days,
                  partial_days = excluded.partial_days;
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER visit_sum ON visit;
CREATE TRIGGER visit_sum AFTER INSERT ON visit REFERENCING NEW TABLE AS entered
  FOR EACH STATEMENT EXECUTE FUNCTION visit_sum_v2();
DROP FUNCTION visit_sum_v1();

-- Closes the months that ended three days ago, in two transactions; a second time it finds nothing to do.
-- First: from here on the trigger keeps them. The lock waits for those who are recording and have not seen it; it is
-- held for as long as it takes to write one row. Second (where the first is done): they are added up. What the trigger
-- has made of a late report meanwhile stands, for it saw all that is seen here; 'official' comes first, as there.
-- Answers whether there is a second transaction to come.
CREATE FUNCTION visit_close_v1() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s'
SET work_mem = '128MB' AS $$
DECLARE
  over date := visit_month_v1(CAST(now() AT TIME ZONE 'Asia/Shanghai' AS date) - 3);
  c visit_closing;
BEGIN
  SELECT * INTO c FROM visit_closing FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN false;  -- another process is at it
  ELSIF c.read_before < c.kept_before THEN
    INSERT INTO visit_month (station_id, month, method, visits, reported, days, partial_days)
    SELECT station_id, month, coalesce(method, 'official'), sum(worth % 1099511627776), sum(reported), count(*),
           count(*) FILTER (WHERE worth < 1099511627776)
      FROM (SELECT station_id, visit_month_v1(day) AS month, day, method, sum(visits) AS reported,
                   max(visit_worth_v1(method, complete, visits)) AS worth
              FROM visit_day
             WHERE day >= c.read_before AND day < c.kept_before AND last_on = day AND reports > 0
             GROUP BY GROUPING SETS ((station_id, day, method), (station_id, day))) b
     GROUP BY station_id, month, method ORDER BY station_id, month, b.method IS NOT NULL, b.method
    ON CONFLICT (station_id, month, method) DO NOTHING;
    UPDATE visit_closing SET read_before = kept_before;
  ELSIF c.kept_before < over THEN
    LOCK TABLE visit IN SHARE MODE;
    UPDATE visit_closing SET kept_before = over;
    RETURN true;
  END IF;
  RETURN false;
END $$;
REVOKE EXECUTE ON FUNCTION visit_close_v1() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION visit_close_v1() TO yizhan_app;

-- What is there already, nobody recording meanwhile.
INSERT INTO visit_closing (kept_before, read_before)
VALUES (visit_month_v1(CAST(now() AT TIME ZONE 'Asia/Shanghai' AS date) - 3), '-infinity');
SELECT visit_close_v1();

-- Few reports last longer than a day; where there is one, its months are added up from the days.
CREATE INDEX visit_day_longer_idx ON visit_day (station_id, day) WHERE last_on > day;
GRANT SELECT ON visit_month, visit_closing TO yizhan_app;
"""

# As 0005 made it.
BACK = """
CREATE FUNCTION visit_sum_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  INSERT INTO visit_day AS d (station_id, day, last_on, method, complete, visits, reports)
  SELECT station_id, visit_day_v1(started_at), visit_last_day_v1(started_at, ended_at), method, complete,
         sum(count), sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END)
    FROM entered GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (station_id, day, last_on, method, complete)
  DO UPDATE SET visits = d.visits + excluded.visits, reports = d.reports + excluded.reports;
  RETURN NULL;
END $$;
DROP TRIGGER visit_sum ON visit;
CREATE TRIGGER visit_sum AFTER INSERT ON visit REFERENCING NEW TABLE AS entered
  FOR EACH STATEMENT EXECUTE FUNCTION visit_sum_v1();
DROP FUNCTION visit_sum_v2();
DROP INDEX visit_day_longer_idx;
DROP FUNCTION visit_month_of_v1(uuid, date);
DROP FUNCTION visit_close_v1();
DROP TABLE visit_month, visit_closing;
DROP FUNCTION visit_month_v1(date);
DROP FUNCTION visit_worth_v1(text, boolean, bigint);
"""


def upgrade() -> None:
    """Add the months, from the days that are there."""
    op.execute(MONTH.replace(":", r"\:"))


def downgrade() -> None:
    """Leave the days, from which the months can be made again."""
    op.execute(BACK.replace(":", r"\:"))
