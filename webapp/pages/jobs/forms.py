"""The form of a schedule."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, SubmitField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from webapp.jobs.models import CatchUp

EVERYTHING = "all"


class ScheduleForm(FlaskForm):
    """When which job template is launched."""

    name = StringField("Name", validators=[DataRequired(), Length(max=100)])
    template = SelectField("What is run")
    scope = SelectField("On which instances")
    cron = StringField(
        "When (cron expression)",
        validators=[DataRequired(), Length(max=100)],
        description="Minute, hour, day of month, month, day of week: 30 2 * * * is every day at 2:30.",
        render_kw={"placeholder": "30 2 * * *", "autocomplete": "off", "class": "mono"},
    )
    time_zone = StringField(
        "Time zone",
        validators=[DataRequired(), Length(max=64)],
        default="UTC",
        description="For instance Europe/Berlin. Daylight saving time is followed.",
        render_kw={"list": "time-zones", "autocomplete": "off"},
    )
    catch_up = SelectField(
        "Due times that were missed",
        choices=[
            SelectChoice(CatchUp.ONCE.value, "Run once for all of them, as soon as possible"),
            SelectChoice(CatchUp.SKIP.value, "Leave them out"),
        ],
    )
    submit = SubmitField("Save")
