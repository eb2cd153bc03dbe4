"""The form of a decision: what a browser can send. What may be is decided by the operations."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField
from wtforms.validators import AnyOf

from webapp.bookings.plans import DecisionKind


class DecisionForm(FlaskForm):
    """Approve, reject or send back: the button that was pressed is ``kind``."""

    kind = HiddenField(validators=[AnyOf([kind.value for kind in DecisionKind])])
    plan_hash = HiddenField()
    reason = TextAreaField("Comment")
