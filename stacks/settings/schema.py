"""The JSON schema of a `Pulumi.<stack>.yaml`, from the models themselves: editors complete and check from it.

`python -m stacks.settings.schema` writes `stacks/schema.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from stacks.settings.environment import Settings

FILE = Path(__file__).parents[1] / "schema.json"
PROJECT = "eks-identity"


class _Plain(GenerateJsonSchema):
    """Says nothing of null, since a setting has a value or is left out, nor of what is empty by default."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        kept = isinstance(schema.get("default"), str | bool)
        return super().default_schema(schema) if kept else self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base class's parameter
        return False


def schema() -> dict[str, Any]:
    """The schema of a whole file: Pulumi's own keys, other packages' settings, and the project's under its name."""
    settings = Settings.model_json_schema(schema_generator=_Plain)
    own = {f"{PROJECT}:{key}": value for key, value in settings["properties"].items()}
    others = {"not": {"pattern": f"^{PROJECT}:"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Pulumi.<stack>.yaml of {PROJECT}",
        "description": settings["description"],
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "description": f"Settings by name: those of {PROJECT}, and of the providers, as `aws:region`.",
                "type": "object",
                "required": ["aws:region", *(f"{PROJECT}:{key}" for key in settings["required"])],
                "properties": {
                    "aws:region": {"description": "The region that the environment is in.", "type": "string"},
                    **own,
                },
                "propertyNames": {"anyOf": [{"enum": list(own)}, others]},
            },
        },
        "$defs": settings["$defs"],
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
