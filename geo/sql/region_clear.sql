-- Removes all divisions and what was cut from them. DELETE, not TRUNCATE: readers go on seeing the old ones
-- until the new ones are committed.
WITH part AS (DELETE FROM region_part),
     border AS (DELETE FROM region_border),
     line AS (DELETE FROM region_line)
DELETE FROM region
