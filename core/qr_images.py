"""QR codes, black on white in every theme."""

from __future__ import annotations

import io
from functools import lru_cache

import qrcode
from PIL import Image

# Pixels; the sizes that comparable products offer (product.md, "Numbers taken from the field").
PNG_SIZES = (171, 399, 741, 2052)
# Modules around the code, as ISO/IEC 18004 requires.
QUIET_ZONE = 4


@lru_cache(maxsize=256)
def draw_svg(text: str) -> str:
    """Return the code as SVG: one path, without style attributes."""
    rows = _modules(text)
    size = len(rows)
    path = "".join(f"M{x},{y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )


def draw_png(text: str, size: int) -> bytes:
    """Return the code as PNG, `size` pixels wide; each module is a whole number of pixels, for sharp edges."""
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
    code = qrcode.QRCode(border=QUIET_ZONE, error_correction=qrcode.ERROR_CORRECT_M)
    code.add_data(text)
    return code.get_matrix()
