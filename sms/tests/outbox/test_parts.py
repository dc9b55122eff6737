"""The number of parts of an SMS."""

from sms.outbox.parts import count_parts


def test_parts_are_counted_at_their_boundaries():
    cases = {
        "": 1,
        "a" * 160: 1,
        "a" * 161: 2,
        "a" * 306: 2,
        "a" * 307: 3,
        "[" + "a" * 158: 1,  # the bracket takes two septets
        "[" + "a" * 159: 2,
        "字" * 70: 1,
        "字" * 71: 2,
        "字" * 134: 2,
        "字" * 135: 3,
        "a" * 70 + "字": 2,
        "𠮷" * 35: 1,  # two code units each
        "𠮷" * 36: 2,
        "`" + "a" * 70: 2,  # not in GSM-7
    }
    assert {text: count_parts(text) for text in cases} == cases
