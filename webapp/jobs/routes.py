"""All views of the jobs room, on one blueprint: importing a module of views adds its routes."""

from webapp.jobs import views, views_downloads, views_schedules, views_stream, views_workers
from webapp.jobs.dashboard import register_dashboard

__all__ = [
    "jobs",
    "register_dashboard",
    "views_downloads",
    "views_schedules",
    "views_stream",
    "views_workers",
]

jobs = views.jobs
