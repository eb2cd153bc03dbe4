"""All pages of jobs, on one blueprint: importing a module of views adds its routes."""

from webapp.pages.jobs import downloads, live, schedules, views, workers
from webapp.pages.jobs.dashboard import register_dashboard

__all__ = ["downloads", "jobs", "live", "register_dashboard", "schedules", "workers"]

jobs = views.jobs
