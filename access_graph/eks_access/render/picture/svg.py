"""The picture as an SVG document."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from eks_access.graph.tables import NotRead
from eks_access.questions.picture.model import Picture
from eks_access.render.picture.labels import valid
from eks_access.render.picture.shapes import draw, pixels


def picture_svg(picture: Picture, source: str, not_read: Sequence[NotRead] = ()) -> str:
    """Return the picture as an SVG document. It follows the reader's light or dark color scheme."""
    return (
        environment().get_template("picture.svg.jinja").render(drawing=draw(picture, source, not_read), is_page=False)
    )


@cache
def environment() -> Environment:
    """Return the templates. Everything that they show is escaped."""
    loader = PackageLoader("eks_access.render.picture")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"valid": valid, "px": pixels}
    return found
