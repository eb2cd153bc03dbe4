"""Pages of plans and decisions."""
