-- From here to the end of the transaction each statement keeps the plan it was first given: to plan one anew costs
-- several times what it costs to run, and all that record visits go by keys, whichever are asked.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true)
