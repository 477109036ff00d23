-- Enter the proposal of whoever acts in this transaction. At most one waits for a station (proposal_station_id_key).
INSERT INTO proposal (station_id, changes, proposed_by, organisation)
VALUES (CAST(:station AS uuid), CAST(:changes AS jsonb), current_setting('yizhan.actor'),
        nullif(current_setting('yizhan.organisation', true), ''))
