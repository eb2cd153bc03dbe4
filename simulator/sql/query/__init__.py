"""The query interpreter: SELECT, INSERT, UPDATE and DELETE over sqlglot's syntax tree."""
