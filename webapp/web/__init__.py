"""What pages and API share: the request's session, access, errors, presentation."""
