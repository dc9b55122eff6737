"""Text has a contrast of 4.5 to 1, the border of a control 3 to 1, in the light and in the dark scheme."""

import re

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
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def too_weak(pairs: list[tuple[str, str]], ratio: float) -> list[tuple[str, str, str]]:
    """Return the pairs of tokens, and the schemes, whose contrast is below `ratio`."""
    return [
        (ink, ground, scheme)
        for ink, ground in pairs
        for index, scheme in enumerate(("light", "dark"))
        if contrast(TOKENS[ink][index], TOKENS[ground][index]) < ratio
    ]


def test_text_stands_out_from_its_background():
    assert too_weak(WORDS, 4.5) == []


def test_the_border_of_a_control_stands_out():
    assert too_weak([("line-control", ground) for ground in ("surface", "raised", "paper")], 3) == []


def test_the_letter_of_an_avatar_stands_out():
    assert AVATARS
    for light_ground, dark_ground, light_ink, dark_ink in AVATARS:
        assert contrast(light_ground, light_ink) >= 4.5, (light_ground, light_ink)
        assert contrast(dark_ground, dark_ink) >= 4.5, (dark_ground, dark_ink)
