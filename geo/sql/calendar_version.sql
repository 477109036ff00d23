-- How many years have a notice, the last of them, and when one was last entered: what tells whether days have changed.
SELECT count(*) AS years, max(year) AS through, max(loaded_at) AS loaded_at FROM calendar_year
