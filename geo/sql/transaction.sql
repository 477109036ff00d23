-- As whom a transaction runs; it ends with it.
SELECT set_config('role', CAST(:role AS text), true)
