-- The names of all divisions as one word, which a station's card shows and no change of the station tells of.
SELECT coalesce(md5(string_agg(concat_ws(' ', level, adcode, name), ',' ORDER BY level, adcode)), '') FROM region
