"""Write docs/findings.md, and the JSON schemas of `eks-access`.

`make schema` runs `python docs/findings.py`.
"""

import json
from pathlib import Path

from eks_access.catalogue import CHAINS
from eks_access.findings import FindingKind
from eks_access.render.json_output import schema as answer_schema
from eks_access.sources.snapshot import schema as snapshot_schema

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "findings.md"
SCHEMAS = {
    ROOT / "access_graph" / "answer.schema.json": answer_schema,
    ROOT / "access_graph" / "snapshot.schema.json": snapshot_schema,
}
HEAD = """# Findings of eks-access

What `eks-access` reports, in the order of the links of a chain. The ids are stable: suppressions and code scanning can
refer to them. `high`: access is missing or wider than intended. `medium`: works today, and breaks or becomes wider with
the next change. `low`: has no effect and misleads readers.
"""


def page() -> str:
    """Return the page of all kinds of findings."""
    return HEAD + "".join(f"\n## {chain}\n\n{table(kinds)}" for chain, kinds in CHAINS.items())


def table(kinds: tuple[FindingKind, ...]) -> str:
    """Return the kinds of one chain as a table."""
    rows = [f"| `{kind.id}` | {kind.severity} | {kind.title} | {kind.source} |\n" for kind in kinds]
    return "| id | severity | finding | source of the rule |\n|---|---|---|---|\n" + "".join(rows)


def documents() -> dict[Path, str]:
    """Return the text of each generated file."""
    schemas = {path: json.dumps(schema(), indent=2) + "\n" for path, schema in SCHEMAS.items()}
    return {PAGE: page(), **schemas}


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
