"""asyncio and TLS: connections, trace, faults, control channel."""
