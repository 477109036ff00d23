-- What the directory must agree with before one that was kept on disk is believed: how many stations are published,
-- their revisions added up, and added up by the number in their code, which tells two that swapped apart.
-- Reads station once from end to end.
SELECT count(*) AS stations,
       coalesce(CAST(sum(revision) AS bigint), 0) AS revisions,
       coalesce(CAST(sum(revision * CAST(substr(code, 3, 8) AS bigint)) AS bigint), 0) AS numbered
  FROM station
 WHERE publication_status = 'published'
