-- As whom a transaction runs, and whether its statements are planned anew each time; both end with it.
SELECT set_config('role', CAST(:role AS text), true), set_config('plan_cache_mode', CAST(:plans AS text), true)
