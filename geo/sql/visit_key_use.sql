-- Notes that these keys were used today. Who holds a key's row is noting the same, or ending the key: nobody's visits
-- wait for that.
UPDATE api_key
   SET last_used_on = current_date
 WHERE prefix IN (SELECT prefix FROM api_key WHERE prefix = ANY(CAST(:prefixes AS text[])) FOR NO KEY UPDATE SKIP LOCKED)
