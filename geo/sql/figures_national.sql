-- The figures of the year-end sentence, of published stations that are open or limited, in one pass over them. One row.
-- Smart: some way in needs nobody there (a code, the union's app, a card, a face, a PIN).
SELECT count(*) AS stations,
       count(*) FILTER (WHERE opening_hours IN ('24/7', '00:00-24:00')) AS open_24h,
       count(*) FILTER (WHERE entry_modes && ARRAY['qr', 'union_app', 'id_card', 'face', 'pin']) AS smart,
       count(*) FILTER (WHERE working_facilities @> ARRAY['battery_swap']) AS battery_swap,
       count(*) FILTER (WHERE working_facilities && ARRAY['medicine', 'first_aid_kit']) AS medicine,
       count(*) FILTER (WHERE kind = 'legal_aid_point') AS legal_aid,
       now() AS as_of
  FROM station
 WHERE publication_status = 'published' AND operational_status IN ('open', 'limited')
