"""The portal. For now: the command ``sqlhosting`` and what it shows of journals and plans."""
