"""``make demo``: simulated instances, a booking by real ``ansible-playbook`` runs, and what that did."""
