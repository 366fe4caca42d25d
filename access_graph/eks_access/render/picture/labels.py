"""The text in boxes: at most two lines of a monospace font, whose width is known without a browser."""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = "-/._@:, "
_WRAP = 16
"""Number of last characters of a line among which it may end at a separator."""
_TAIL = 9
"""Number of last characters that a shortened text keeps: generated names differ at their end."""
_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow."""


def valid(text: str) -> str:
    """Return a text with a replacement character for each that XML does not allow."""
    return _INVALID.sub("\ufffd", text)


def width(text: str) -> int:
    """Return the number of cells of a text in a monospace font: wide characters have two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def wrap(text: str, cells: int) -> tuple[str, ...]:
    """Return a text in at most two lines of at most `cells` cells; a longer one is shortened in its middle."""
    text = " ".join(valid(text).split())
    if width(text) <= cells:
        return (text,)
    end = _fitting(text, cells)
    breaks = [index for index in range(max(end - _WRAP, 1), end + 1) if _can_break(text, index)]
    end = breaks[-1] if breaks else end
    return text[:end].rstrip(), shorten(text[end:].lstrip(), cells)


def _can_break(text: str, index: int) -> bool:
    """Return whether a line may end before a character: after a separator, or between words in camel case."""
    return text[index - 1] in _SEPARATORS or (text[index].isupper() and text[index - 1].islower())


def shorten(text: str, cells: int) -> str:
    """Return a text of at most `cells` cells, with an ellipsis in place of its middle."""
    text = " ".join(valid(text).split())
    if width(text) <= cells:
        return text
    tail = text[-_TAIL:]
    while width(tail) > cells // 2:
        tail = tail[1:]
    return f"{text[: _fitting(text, cells - 1 - width(tail))]}…{tail}"


def _fitting(text: str, cells: int) -> int:
    """Return the number of first characters of a text that have at most `cells` cells."""
    used = 0
    for index, character in enumerate(text):
        used += width(character)
        if used > cells:
            return index
    return len(text)
