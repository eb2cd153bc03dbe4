"""Who approves what."""
