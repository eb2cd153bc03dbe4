"""Pools, instances, elevated accounts."""
