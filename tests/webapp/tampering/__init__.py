"""Whoever can write to the platform database changes it, before and after each step of a request."""
