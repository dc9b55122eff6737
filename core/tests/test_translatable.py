"""Messages that are stored and rendered later."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy, override

from core.translatable import TranslatableText, messages_of, render_message, render_messages


def test_a_message_is_rendered_in_the_language_of_its_reader():
    with override(None):
        message = TranslatableText(
            "%(name)s: already reviewed (%(state)s).", {"name": "Lin", "state": gettext_lazy("Approved")}
        )
        stored = message.serialize()
        assert message == "Lin: already reviewed (Approved)."
    assert stored == {
        "text": "%(name)s: already reviewed (%(state)s).",
        "params": {"name": "Lin", "state": {"text": "Approved"}},
    }
    with override("en"):
        assert render_message(stored) == message
    with override("zh-hans"):
        assert render_message(stored) not in {"", str(message)}
        assert render_messages([stored, {"text": "100% of it"}]).endswith(" 100% of it")


def test_a_message_without_parameters_is_stored_as_its_text_alone():
    assert TranslatableText("100% of it").serialize() == {"text": "100% of it"}
    assert render_message({"text": ""}) == ""


def test_messages_of_an_error_cover_all_its_fields_in_order():
    error = ValidationError(
        {
            "name": ["Too long."],
            "phone": [ValidationError("%(n)d digits", params={"n": 8}), ValidationError("No mobile number")],
        }
    )
    assert messages_of(error) == error.messages == ["Too long.", "8 digits", "No mobile number"]
    assert messages_of(error)[1].serialize() == {"text": "%(n)d digits", "params": {"n": 8}}
    assert messages_of(ValidationError("Alone.")) == ["Alone."]
