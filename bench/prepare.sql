-- What the bench adds to its own clusters, by their owner. bench_place is filled by the bench.
DROP TABLE IF EXISTS bench_place, bench_station;
CREATE TABLE bench_place (id integer PRIMARY KEY, location geography(Point, 4326) NOT NULL);
GRANT SELECT ON bench_place TO yizhan_app;

-- For tipg: the stations that riders see, with a geometry and an index for it. The registry's own index is for
-- geography and for usable stations only, and a server of any table could not ride it.
CREATE TABLE bench_station AS
SELECT id, code, name, kind, brand, address, facilities, entry_modes, opening_hours, operational_status,
       CAST(location AS geometry(Point, 4326)) AS geom
  FROM station
 WHERE publication_status = 'published' AND operational_status IN ('open', 'limited');
ALTER TABLE bench_station ADD PRIMARY KEY (id);
CREATE INDEX bench_station_geom_idx ON bench_station USING gist (geom);
GRANT SELECT ON bench_station TO yizhan_app;
