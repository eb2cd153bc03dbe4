"""The platform itself: its schema's version and the check that its keys open what is sealed."""
