# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One changing statement that a module decided on, and how an ordered list of them is carried out.

Deciding is pure: (current, wanted) gives a list of :class:`Change`. Check mode and the real run walk the same
list, so what is planned is, hash for hash, what is sent.
"""

from __future__ import annotations

import re

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    MssqlError,
    NotAsAsked,
    OutcomeUnknown,
)

_OPENS = re.compile(r"\{(?=[{%#])")  # what Jinja, and so Ansible, would take for code


class Change:
    """``template`` with ``values``, sent in ``database``; ``says`` is what it does, in a few words.

    ``says`` is written here once, for the journal, the plan and the module's result. So it is an order that
    begins with a verb (``drop login `shop```), which serves before and after; names in it go through
    :func:`named`, and it holds no secret.

    ``object`` is what the statement is about: ``database:shop``, ``login:app``, ``user:shop/app``. Not given,
    it is the value ``name``, of the kind that the template's folder is called; of users it is ``user``.
    ``creates`` names what it brings into being, so that later tasks of a check-mode run can count on it: the
    object itself, another one, or a state of it (``login:app/enabled=false``, ``login:app/state=absent``).
    """

    def __init__(
        self,
        template: str,
        says: str,
        *,
        database: str = "master",
        object: str | None = None,
        creates: str | None = None,
        **values,
    ) -> None:
        self.template = template
        self.says = says
        self.database = database
        self.object = object or _object_of(template, database, values)
        self.creates = creates
        self.values = values

    def __repr__(self) -> str:
        return f"Change({self.template!r}, {self.says!r})"


def _object_of(template: str, database: str, values: dict) -> str | None:
    kind = template.split("/", maxsplit=1)[0]
    name = values.get("user" if kind == "user" else "name")
    if name is None:
        return None
    return f"user:{database}/{name}" if kind == "user" else f"{kind}:{name}"


def named(name: str) -> str:
    """``name`` between backticks, as words hold names: on one line, and nothing in it is markup or code.

    Pages set apart what stands between backticks, and results pass through Ansible's templates. So a backtick
    becomes ``'``, braces that would open an expression are parted, and what cannot be seen (line breaks,
    marks that turn the direction of writing) is spelt out. The T-SQL beside it has the name as it is.
    """
    seen = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in name)
    return "`" + _OPENS.sub("{ ", seen.replace("`", "'")) + "`"


def apply_changes(session, changes: list, remedies: dict) -> None:
    """Send (or, in check mode, plan) the changes in their order; stop at the first failure.

    ``remedies`` maps error numbers to what the reader can do about them in this module. A failure says how
    many changes had been made before it: nothing is rolled back, the next run goes on from there.
    """
    for done, change in enumerate(changes):
        try:
            session.change(
                change.template,
                change.says,
                database=change.database,
                object=change.object,
                creates=change.creates,
                **change.values,
            )
        except MssqlError as exc:
            remedy = remedies.get(exc.number, exc.remedy) if exc.number else exc.remedy
            if done:
                made = "; ".join(earlier.says for earlier in changes[:done])
                remedy = f"{remedy} Done before it: {made}.".strip()
            exc.remedy = remedy
            if change.template.startswith("database/"):
                exc.database = change.values["name"]  # the one it is about; the statement was sent in master
            raise


def require_as_asked(subject: str, remaining: list) -> None:
    """``remaining``: the changes that the state read back after the changes would still need. None, or
    raise."""
    if remaining:
        raise NotAsAsked(
            f"{subject} is not as asked after the changes; still to do: "
            + "; ".join(change.says for change in remaining),
            remedy="Somebody else may change it at the same time. Run again; if it stays so, report it.",
        )


def settled(attempt) -> dict:
    """The result of ``attempt()``; tried once more when the link broke in a statement of unknown effect.

    Attempts look before they change, so the second one sends only what has not taken effect. When it fails
    too, the first failure is told, with the second one behind it.
    """
    try:
        return attempt()
    except OutcomeUnknown as unknown:
        try:
            result = attempt()
        except MssqlError as exc:
            unknown.remedy = f"{unknown.remedy} Looking again failed: {exc}".strip()
            raise unknown from None
        broke = "The link broke in a statement, so it was looked again what had taken effect."
        return dict(result, changed=True, summary=f"{broke} {result['summary']}")


def summarise(subject: str, changes: list, notes: list, *, check_mode: bool) -> str:
    """One plain sentence on what was, or would be, done."""
    if changes:
        done = "; ".join(change.says for change in changes)
        text = f"{subject} would change: {done}." if check_mode else f"{subject} changed: {done}."
    else:
        text = f"{subject} is as asked."
    return " ".join([text, *notes])
