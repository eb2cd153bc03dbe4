"""Pages of pools, instances and elevated accounts."""
