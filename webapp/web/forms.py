"""What forms of several pages share."""

from __future__ import annotations

from flask_wtf import FlaskForm

from webapp.errors import InvalidInput


class RefusableForm(FlaskForm):
    """A form that can show what an operation refused."""

    def refuse(self, error: InvalidInput) -> bool:
        """Put ``error`` below its field; False when the form has no such field."""
        if error.field not in self:
            return False
        field = self[error.field]
        text = str(error)
        field.errors = [*field.errors, text if text.endswith(".") else f"{text}."]
        return True
