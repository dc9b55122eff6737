"""QR codes: black on white whatever the theme, with the quiet zone of four modules the standard asks for."""

from __future__ import annotations

import io
from functools import lru_cache

import qrcode
from PIL import Image

# What the field offers (product.md, "Numbers taken from the field").
PNG_SIZES = (171, 399, 741, 2052)
QUIET = 4


@lru_cache(maxsize=256)
def draw_svg(text: str) -> str:
    """A drawing that scales: one path, no style."""
    rows = _modules(text)
    size = len(rows)
    path = "".join(f"M{x},{y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )


def draw_png(text: str, size: int) -> bytes:
    """Exactly `size` pixels wide; each module a whole number of pixels, so that every edge is sharp."""
    rows = _modules(text)
    scale = size // len(rows)
    modules = Image.new("1", (len(rows), len(rows)), 1)
    modules.putdata([not is_dark for row in rows for is_dark in row])
    image = Image.new("1", (size, size), 1)
    offset = (size - scale * len(rows)) // 2
    image.paste(modules.resize((scale * len(rows),) * 2, Image.Resampling.NEAREST), (offset, offset))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _modules(text: str) -> list[list[bool]]:
    code = qrcode.QRCode(border=QUIET, error_correction=qrcode.ERROR_CORRECT_M)
    code.add_data(text)
    return code.get_matrix()
