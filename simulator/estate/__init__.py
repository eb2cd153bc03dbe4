"""What the simulated instances hold - databases, files, logins, permissions - and its rules.

Knows no SQL text.
"""
