"""T-SQL text: lexer, parser, query interpreter, statements, catalog views."""
