"""Statements that define and change: databases, logins, users, roles, permissions, configuration, backups."""
