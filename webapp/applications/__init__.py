"""Applications: what customers have, with databases and logins."""
