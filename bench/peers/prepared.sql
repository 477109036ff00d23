-- The ten stations nearest to a point as one GeoJSON text, made in SQL: what (d) asks once a request.
-- $1 longitude, $2 latitude, $3 limit. Rides station_usable_location_idx; ranks on the sphere, as `<->` does.
SELECT CAST(json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
         'type', 'Feature', 'id', id,
         'geometry', json_build_object('type', 'Point', 'coordinates', json_build_array(lon, lat)),
         'properties', json_build_object(
           'code', code, 'name', name, 'kind', kind, 'brand', brand, 'address', address, 'facilities', facilities,
           'entry_modes', entry_modes, 'opening_hours', opening_hours, 'operational_status', operational_status,
           'distance_m', distance_m))
         ORDER BY distance_m, id), '[]')) AS text)
  FROM (SELECT s.*, ST_X(s.location::geometry) AS lon, ST_Y(s.location::geometry) AS lat,
               ST_Distance(s.location, CAST(ST_MakePoint($1, $2) AS geography)) AS distance_m
          FROM station s
         WHERE s.publication_status = 'published' AND s.operational_status IN ('open', 'limited')
         ORDER BY s.location <-> CAST(ST_MakePoint($1, $2) AS geography)
         LIMIT $3) AS found
