"""Pages of requests, and the wizard."""
