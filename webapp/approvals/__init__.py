"""Plans, the policies that say who approves them, and decisions."""
