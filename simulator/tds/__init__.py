"""Tabular Data Stream 7.4: bytes to values and back, no input or output.

Source for all layouts: Microsoft, "[MS-TDS]: Tabular Data Stream Protocol".
"""
