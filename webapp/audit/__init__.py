"""Audit: who did what, when, to which object; append-only and chained by hash. Imports no other room."""
