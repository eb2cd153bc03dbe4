"""Jobs: playbook runs, from the outbox to the last event. The only room that knows RQ."""
