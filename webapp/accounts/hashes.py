"""Hashes of random tokens. They are long and random, so a fast hash is enough (unlike for passwords)."""

from __future__ import annotations

import hashlib


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
