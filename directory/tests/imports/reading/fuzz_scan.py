"""`python -m directory.tests.imports.reading.fuzz_scan [RUNS] [SEED]`: broken and twisted workbooks against the scan.

Nothing may end but in a verdict: a file is scanned, refused by a code, or broken in one of the ways the child process
answers with its plain message. Files are mutated in their container and, repacked, in their XML.
"""

from __future__ import annotations

import io
import random
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.parsers.expat import ExpatError
from zlib import error as ZlibError

from directory.imports.reading.package import Limits, Refused
from directory.imports.reading.scan import kind_of, scan_workbook
from directory.tests.imports.workbooks import book, person, raw, row_xml, saved, sheet_xml

HEADINGS = {"姓名": "name", "邮箱前缀": "prefix"}
LIMITS = Limits(200, 4 * 1024 * 1024, 50, 1000, 64, 20_000)
# What zipfile and expat say of what is no workbook; anything else is a fault of ours.
BROKEN = (
    zipfile.BadZipFile, ExpatError, ZlibError, KeyError, ValueError, NotImplementedError, EOFError, OSError,
    UnicodeError, RuntimeError,
)  # fmt: skip
SECONDS_MAX = 5
PIECES = [
    b"<!DOCTYPE x>", b"<!ENTITY a 'b'>", b"&a;", b"<c r='XFD1048576'><v>1</v></c>", b"<row r='0'>", b"<row r='-1'>",
    b"<c r=''>", b"<c r='1A'>", b"r='99999999999999999999'", b"<f>", b"<v/>", b"<x:c>", b"\x00", b"\xff\xfe", b"]]>",
    b"<![CDATA[", b"<?xml version='1.1'?>", b"<mergeCell ref='A1:XFD1048576'/>", b"<mergeCell ref='::'/>",
    b"PK\x05\x06",
]  # fmt: skip


def fuzz(runs: int, seed: int) -> Counter[str]:
    """Return the number of files by verdict. Raise AssertionError, with run and seed, for any other error."""
    verdicts: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "twisted"
        for number, content in enumerate(twisted(runs, seed)):
            path.write_bytes(content)
            began = time.process_time()
            verdicts[_verdict(path, number, seed)] += 1
            assert time.process_time() - began < SECONDS_MAX, f"run {number} of seed {seed} hangs"
    return verdicts


def twisted(runs: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    whole = [
        saved(book(person(1), person(2))),
        raw(sheet_xml(row_xml(1, "姓名", "邮箱前缀") + row_xml(2, "张三", "a"), after="<mergeCells/>")),
    ]
    for _ in range(runs):
        content = chance.choice(whole)
        yield _twist(content, chance) if chance.random() < 0.4 else _twist_part(content, chance)


def _verdict(path: Path, number: int, seed: int) -> str:
    try:
        if kind_of(path) != "xlsx":
            return kind_of(path)
        scan_workbook(path, LIMITS, path.with_suffix(".copy"), HEADINGS)
    except Refused as refused:
        return str(refused)
    except BROKEN:
        return "not_xlsx"
    except BaseException as error:
        raise AssertionError(f"run {number} of seed {seed}: {error!r}") from error
    return "scanned"


def _twist_part(content: bytes, chance: random.Random) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = chance.choice(old.namelist())
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, _twist(part, chance) if name == chosen else part)
    return file.getvalue()


def _twist(content: bytes, chance: random.Random) -> bytes:
    twisted = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5])):
        offset = chance.randrange(len(twisted) + 1)
        match chance.randrange(5):
            case 0:
                twisted[offset : offset + 1] = bytes([chance.randrange(256)])
            case 1:
                del twisted[offset : offset + chance.choice([1, 4, 50])]
            case 2:
                twisted[offset:offset] = chance.choice(PIECES)
            case 3:
                start = chance.randrange(len(twisted) + 1)
                twisted[offset:offset] = twisted[start : start + chance.choice([10, 200])]
            case _:
                del twisted[offset:]
                twisted += b"" if chance.random() < 0.5 else content[offset:]
    return bytes(twisted)


if __name__ == "__main__":
    runs, seed = (int(given) for given in [*sys.argv[1:], *["10000", "1"][len(sys.argv) - 1 :]])
    began = time.perf_counter()
    print(dict(fuzz(runs, seed).most_common()))
    print(f"{runs / (time.perf_counter() - began):,.0f} files a second")
