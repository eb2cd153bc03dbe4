"""Generic functions of T-SQL: strings, dates, numbers, conversion, aggregates. Registered at import."""
