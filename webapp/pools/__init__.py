"""Pools of instances, the elevated accounts that the platform uses on them, and what discovery found."""
