"""The QR code of an address, as SVG. It never carries a secret: a photo of a card's code gives nothing away."""

from __future__ import annotations

import io
from functools import cache

_MASK = 3  # fixed: trying all eight takes most of the time, and any of them decodes


@cache
def qr_svg(address: str) -> str:
    """An SVG without a quiet zone; the card leaves the four modules of white around it that the standard asks for."""
    import segno

    drawing = io.BytesIO()
    code = segno.make(address, error="m", micro=False, boost_error=False, mask=_MASK)
    code.save(drawing, kind="svg", border=0, xmldecl=False, svgclass=None, lineclass=None, omitsize=True)
    return drawing.getvalue().decode()
