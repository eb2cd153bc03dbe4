"""The query interpreter: SELECT, INSERT, UPDATE and DELETE over the parser's syntax tree."""
