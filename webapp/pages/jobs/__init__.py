"""Pages of jobs, schedules and workers."""
