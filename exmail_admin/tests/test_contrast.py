"""Words stand out from their ground by 4.5 to 1, borders of controls by 3 to 1, in the light and in the dark."""

import re

import pytest
from django.conf import settings

CSS = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
TOKENS = {
    name: (light, dark or light)
    for name, light, dark in re.findall(
        r"--([a-z-]+): (?:light-dark\()?(#[0-9a-f]{6})(?:, (#[0-9a-f]{6})\))?;", CSS, re.I
    )
}
AVATARS = re.findall(
    r"background: light-dark\((#\w{6}), (#\w{6})\);\s+color: light-dark\((#\w{6}), (#\w{6})\);",
    (settings.BASE_DIR / "static" / "css" / "components" / "avatar.css").read_text(),
)
GROUNDS = ["paper", "surface", "raised", "sunken", "hover"]
WORDS = [(ink, ground) for ink in ("ink", "ink-soft", "ink-mute", "accent-ink", "bad-ink") for ground in GROUNDS]
WORDS += [("ink", "picked")]
WORDS += [(ink, ground) for ink in ("ink", "ink-soft", "ink-mute") for ground in ("neutral-soft", "accent-soft")]
WORDS += [("ink", f"{tone}-soft") for tone in ("good", "warn", "bad")]
WORDS += [(f"{tone}-ink", f"{tone}-soft") for tone in ("accent", "good", "warn", "bad")]
WORDS += [("on-accent", ground) for ground in ("accent", "accent-strong", "bad", "bad-strong")]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), WORDS)
def test_words_stand_out(ink, ground, scheme):
    assert contrast(TOKENS[ink][scheme], TOKENS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["surface", "raised", "paper"])
def test_border_of_a_control_stands_out(ground, scheme):
    assert contrast(TOKENS["line-control"][scheme], TOKENS[ground][scheme]) >= 3


@pytest.mark.parametrize("colours", AVATARS, ids=str)
def test_letter_of_an_avatar_stands_out(colours):
    light_ground, dark_ground, light_ink, dark_ink = colours
    assert contrast(light_ground, light_ink) >= 4.5
    assert contrast(dark_ground, dark_ink) >= 4.5
