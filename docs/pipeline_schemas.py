"""Write the JSON schemas of `eks-pipeline`: of fleet files, of events and of previews.

`make schema` runs `python docs/pipeline_schemas.py`.
"""

import json
from pathlib import Path

from eks_pipeline.events import schema as event_schema
from eks_pipeline.fleet.fleet_file import schema as fleet_schema
from eks_pipeline.review.stack_preview import schema as preview_schema

FOLDER = Path(__file__).resolve().parents[1] / "pipeline"
SCHEMAS = {"fleet": fleet_schema, "event": event_schema, "preview": preview_schema}


def documents() -> dict[Path, str]:
    """Return the text of each schema."""
    texts = {name: json.dumps(schema(), indent=2) + "\n" for name, schema in SCHEMAS.items()}
    return {FOLDER / f"{name}.schema.json": text for name, text in texts.items()}


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
