"""What people send who mean no good, or mistype: for every text field."""

from __future__ import annotations

SCRIPT = "<script>alert(1)</script>"
SQL = "x'); DROP TABLE pools;--"
TEMPLATE = "{{ lookup('pipe', 'id') }}"
HUGE = "a" * 100_000
UNICODE = "шоп\u202e库"
NUL = "na\0me"
PAYLOADS = [
    "",
    " ",
    SCRIPT,
    SQL,
    TEMPLATE,
    HUGE,
    UNICODE,
    NUL,
    "../../etc/passwd",
    "a\nb",
    "%00",
    "😀",
]
