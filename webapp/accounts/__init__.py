"""Accounts: who may use the portal, as what, and their sessions and API tokens."""
