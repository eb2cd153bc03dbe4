"""A SQL Server simulator: speaks TDS to unmodified drivers. Imports nothing of ours.

Layers, each importing only those above it in this list:

``errors``, ``sqltypes``, ``results``, ``topology``
    plain data that every layer shares;
``estate``
    what the simulated instances hold (databases, files, logins, permissions) and its rules, no SQL text;
``sql``
    T-SQL text: lexer, parser, query interpreter, statements, catalog views;
``tds``
    bytes: packets, tokens, types, login;
``server``
    asyncio and TLS: connections, sessions, trace, faults, control channel.
"""
