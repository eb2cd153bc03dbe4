"""Catalog views, dynamic management views and metadata functions."""
