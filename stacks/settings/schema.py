"""JSON schema of `Pulumi.<stack>.yaml`, generated from the models, for completion and checks in editors.

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


class _SchemaGenerator(GenerateJsonSchema):
    """Schema generator that omits null, since a setting has a value or is absent, and defaults that are empty."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        has_scalar_default = isinstance(schema.get("default"), str | bool)
        return super().default_schema(schema) if has_scalar_default else self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base class's parameter
        return False


def build_schema() -> dict[str, Any]:
    """Return the schema of a settings file: Pulumi's own keys, settings of other packages and those of the project."""
    settings = Settings.model_json_schema(schema_generator=_SchemaGenerator)
    project_settings = {f"{PROJECT}:{key}": value for key, value in settings["properties"].items()}
    other_namespaces = {"not": {"pattern": f"^{PROJECT}:"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Pulumi.<stack>.yaml of {PROJECT}",
        "description": settings["description"],
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "description": f"Settings of {PROJECT} and of providers, such as `aws:region`, by name.",
                "type": "object",
                "required": ["aws:region", *(f"{PROJECT}:{key}" for key in settings["required"])],
                "properties": {
                    "aws:region": {"description": "AWS region of the environment.", "type": "string"},
                    **project_settings,
                },
                "propertyNames": {"anyOf": [{"enum": list(project_settings)}, other_namespaces]},
            },
        },
        "$defs": settings["$defs"],
    }


def schema_text() -> str:
    """Return the schema as text of the file."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
