"""The one phone rule (security.md 4.3, P1 to P30 as far as they are text)."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from django import forms
from django.utils.translation import override

from sms.fields import PhoneField
from sms.phones import SMS_TYPES, PhoneRefused, mask_phone, parse_phone, show_phone

PHONE = "+8613800138000"


@pytest.fixture(autouse=True)
def _in_english():
    with override("en"):
        yield


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "１３８００１３８０００",
        "138\u00a00013\u00a08000",
        "138 0013 8000",
        "\u200b138\u200d0013\u20608000",
        "\ufeff13800138000",
        "138-0013-8000",
        "138–0013—8000",
        "138.0013.8000",
        "+8613800138000",
        "+86 138 0013 8000",
        "＋86 138 0013 8000",
        "008613800138000",
        "0086-138-0013-8000",
        "8613800138000",
        "(86)13800138000",
        "（86）138 0013 8000",
        "(+86) 138 0013 8000",
        "+86 (0)138 0013 8000",
        "013800138000",
        "'13800138000",
        "13800138000.",
        "13800138000 ",
        "\t13800138000\t",
        "13800138000\n",
        "١٣٨٠٠١٣٨٠٠٠",
        "\u202a13800138000\u202c",
    ],
)
def test_number_is_parsed_in_any_notation(text):
    assert parse_phone(text) == PHONE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter a phone number"),
        (" \u200b", "Enter a phone number"),
        ("1380013800", "11 digits. This one has 10"),
        ("138001380001", "11 digits. This one has 12"),
        ("13800138000.0", "11 digits. This one has 12"),
        ("12800138000", "phone number doesn't exist"),
        ("+8612800138000", "phone number doesn't exist"),
        ("010-12345678", "can't receive SMS"),
        ("+86 10 1234 5678", "can't receive SMS"),
        ("4001234567", "can't receive SMS"),
        ("+49 30 123456", "can't receive SMS"),
        ("1.38E+10", "digits only"),
        ("13800138000/13900139000", "one number only"),
        ("13800138000、13900139000", "one number only"),
        ("13800138000;13900139000", "one number only"),
        ("13800138000 13900139000", "phone number doesn't exist"),
        ("13800138000 ext. 5", "without an extension"),
        ("13800138000x5", "without an extension"),
        ("13800138000;ext=5", "without an extension"),
        ("13800138000转8001", "without an extension"),
        ("tel:+8613800138000", "digits only"),
        ("1380013CALL", "digits only"),
        ("True", "digits only"),
        ("2026-11-22 09:00:00", "digits only"),
        ("+86+13800138000", "digits only"),
        ("138\x0000138000", "digits only"),
        ("<script>", "digits only"),
        ("+882 16 12345678", ""),
        ("+999 1234567", "phone number doesn't exist"),
        ("0", ""),
        ("1" * 65, "too long"),
        ("1" * 10_000, "too long"),
    ],
)
def test_number_that_can_not_receive_sms_is_refused_with_a_reason(text, says):
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "region", "phone"),
    [
        ("+1 650 253 0000", "CN", "+16502530000"),
        ("+85291234567", "CN", "+85291234567"),
        ("00852 9123 4567", "CN", "+85291234567"),
        ("+886 912 345 678", "CN", "+886912345678"),
        ("+44 (0)7911 123456", "CN", "+447911123456"),
        ("9123 4567", "HK", "+85291234567"),
        ("+86 138 0013 8000", "US", PHONE),
        ("0086 138 0013 8000", "HK", PHONE),
        ("(650) 253-0000", "US", "+16502530000"),
    ],
)
def test_foreign_number_is_parsed_by_code_or_region(text, region, phone):
    assert parse_phone(text, region) == phone


def test_chinese_number_without_code_is_refused_in_other_regions():
    with pytest.raises(PhoneRefused):
        parse_phone("13800138000", "HK")


def by_library(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in SMS_TYPES:
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def by_rule(text: str) -> str | None:
    try:
        return parse_phone(text)
    except PhoneRefused:
        return None


def test_fast_path_agrees_with_the_library_on_20000_numbers():
    chance = random.Random(20_000)
    prefixes = [f"1{three:03}" for three in range(1000)]
    numbers = [f"{prefix}{chance.randrange(10**7):07}" for prefix in prefixes for _ in range(15)]
    # Edge prefixes to the last digit, lengths that are off by one, and numbers from nowhere.
    numbers += [f"{edge}{chance.randrange(10**5):05}" for edge in range(174_000, 174_100) for _ in range(10)]
    numbers += [f"{edge}{chance.randrange(10**5):05}" for edge in range(161_000, 161_100) for _ in range(10)]
    numbers += [str(chance.randrange(10 ** chance.choice([9, 10, 11, 12]))) for _ in range(2000)]
    numbers += [f"{chance.choice(['+86', '86', '0086', '0'])}{number}" for number in chance.sample(numbers, 1000)]
    assert len(numbers) == 20_000
    assert [(number, by_rule(number)) for number in numbers] == [(number, by_library(number)) for number in numbers]


def test_phone_is_formatted_masked_or_whole():
    assert mask_phone(PHONE) == "138****8000"
    assert mask_phone("+14155552671") == "+1 415****671"
    assert mask_phone("+85291234567") == "+852 91****67"
    assert show_phone(PHONE) == "138 0013 8000"
    assert show_phone("+14155552671") == "+1 415-555-2671"
    assert mask_phone(None) == mask_phone("") == show_phone(None) == show_phone("") == ""


class PhoneForm(forms.Form):
    phone = PhoneField(required=False)


@pytest.mark.parametrize(("typed", "phone"), [("138 0013 8000", PHONE), ("", ""), ("  ", "")])
def test_field_returns_e164_or_nothing(typed, phone):
    form = PhoneForm({"phone": typed})
    assert form.is_valid()
    assert form.cleaned_data["phone"] == phone
    assert 'type="tel"' in str(form["phone"])


@pytest.mark.parametrize("typed", ["010-12345678", "13800138000\x00", "x" * 10_000])
def test_field_keeps_invalid_input_and_shows_the_reason(typed):
    form = PhoneForm({"phone": typed})
    assert not form.is_valid()
    assert form["phone"].value() == typed


def test_field_is_required_by_default():
    with pytest.raises(forms.ValidationError):
        PhoneField().clean("")
    assert PhoneField(region="HK").clean("9123 4567") == "+85291234567"
