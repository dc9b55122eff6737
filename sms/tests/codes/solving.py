"""What static/js/work.js does, in Python."""

import hashlib
import itertools

from sms.codes.proof_of_work import Challenge


def solve(challenge: Challenge) -> str:
    numbers = [_number(f"{challenge.text}|{part}|", challenge.bits) for part in range(challenge.parts)]
    return f"{challenge.text}|{','.join(map(str, numbers))}"


def _number(prefix: str, bits: int) -> int:
    return next(n for n in itertools.count() if zero_bits(f"{prefix}{n}") >= bits)


def zero_bits(text: str) -> int:
    return (f"{int(hashlib.sha256(text.encode()).hexdigest(), 16):0256b}" + "1").index("1")
