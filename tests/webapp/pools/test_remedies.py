"""What the collection advises about connections, in the words of the portal's forms."""

from __future__ import annotations

import re

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _driver_errors, _error_numbers

from webapp.pages.pools.forms import AccountForm, InstanceForm
from webapp.pools import remedies
from webapp.pools.remedies import in_form_words

OPTION = re.compile(r"login_\w+|trust_server_certificate")
ADVICE = sorted(
    {one.remedy for one in _error_numbers.KNOWN.values()}
    | {text for name, text in vars(_driver_errors).items() if name.endswith("_REMEDY")}
)


def labels(form: type) -> set[str]:
    """The labels of a form's fields."""
    fields = [getattr(form, name) for name in dir(form) if not name.startswith("_")]
    return {field.args[0] for field in fields if hasattr(field, "field_class")}


def test_the_words_are_labels_of_the_forms() -> None:
    of_instance = {remedies.ADDRESS, remedies.PORT, remedies.INSTANCE_NAME, remedies.TRUST}
    assert of_instance <= labels(InstanceForm)
    assert {remedies.LOGIN, remedies.PASSWORD} <= labels(AccountForm)


@pytest.mark.parametrize("advice", [text for text in ADVICE if OPTION.search(text)])
def test_no_option_is_left_in_what_the_collection_advises(advice: str) -> None:
    assert not OPTION.search(in_form_words(advice))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("set trust_server_certificate: false.", "clear “Trust any certificate” of the instance."),
        ("naming login_host; only", "naming “Address” of the instance; only"),
        ("a database called my_login_host2", "a database called my_login_host2"),
    ],
)
def test_options_are_told_as_fields_and_names_stay(text: str, told: str) -> None:
    assert in_form_words(text) == told
