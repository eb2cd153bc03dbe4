"""A plan as a script to read or keep. Pure. Secrets are placeholders, so it cannot be run as it is."""

from __future__ import annotations

from webapp.bookings.plans import Plan


def script_of(plan: Plan, title: str) -> str:
    """The statements in order, each with a comment that says where it belongs."""
    head = [
        f"-- {_line(title)}",
        f"-- plan {plan.number}, {plan.state.value}, sha256 {plan.hash or 'none'}",
        "-- $(name) stands for a secret; the platform puts it in when it sends the statement.",
    ]
    parts = ["\n".join(head)]
    where: tuple[str, str] | None = None
    for one in plan.statements:
        lines = [
            f"-- {one.position + 1}. {_line(one.template)} {_line(one.template_revision or '')}".rstrip()
        ]
        if (one.instance, one.database) != where:
            where = (one.instance, one.database)
            host = f"{_line(one.inventory_host)} " if one.inventory_host else ""
            lines.insert(
                0, f"-- on {host}({_line(one.instance)})\nUSE [{one.database.replace(']', ']]')}];\nGO"
            )
        parts.append("\n".join([*lines, one.text.rstrip().removesuffix(";") + ";", "GO"]))
    return "\n\n".join(parts) + "\n"


def _line(text: str) -> str:
    """``text`` on one line: a comment must not end early."""
    return " ".join(text.split())
