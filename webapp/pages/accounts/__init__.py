"""Pages of users, sessions and log-in."""
