"""Statements: read a run's journal, show it, export it as T-SQL, make a plan of it."""
