"""QR codes, drawn into the page: no file and no request that would carry a secret."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe


def qr_code(text: str) -> SafeString:
    """Return a text as SVG, black on white in every theme; without styles or scripts."""
    import segno  # loaded with the first code that is shown

    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return mark_safe(drawn)  # noqa: S308  # shapes that the library drew, not the text
