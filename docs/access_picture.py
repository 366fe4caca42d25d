"""Write docs/images/access-graph.svg, the picture of access_graph/README.md, from the snapshot beside it.

`make schema` runs `python docs/access_picture.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.render.picture.svg import picture_svg
from eks_access.sources.snapshot import open_snapshot

IMAGES = Path(__file__).resolve().parent / "images"
SNAPSHOT = IMAGES / "access-graph.snapshot.json"
PICTURE = IMAGES / "access-graph.svg"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def documents() -> dict[Path, str]:
    """Return the text of each generated file."""
    graph = open_snapshot(SNAPSHOT)
    picture = draw_picture(graph, now=NOW)
    return {PICTURE: f"{picture_svg(picture, graph.source, graph.not_read())}\n"}


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
