"""Operations on templates: GetTemplate, GetTemplateSummary and ValidateTemplate."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult

from lab.cloud.cloudformation import parameters, requests
from lab.cloud.cloudformation.errors import ChangeSetNotFoundException
from lab.cloud.cloudformation.operations import Operations
from lab.cloud.cloudformation.resource_types import RESOURCE_TYPES
from lab.cloud.cloudformation.templates import Template


class TemplateOperations(Operations):
    """The operations on templates."""

    def get_template(self) -> ActionResult:
        stack, name = self.stack(), self.param("ChangeSetName")
        template = stack.settings.template
        if name is not None:
            change_sets = [entry for entry in stack.change_sets.values() if name in {entry.name, entry.arn}]
            if not change_sets:
                raise ChangeSetNotFoundException(f"ChangeSet [{name}] does not exist")
            template = change_sets[0].settings.template
        return ActionResult({"TemplateBody": template.text, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        is_stack = self.param("StackName") is not None
        template = self.stack().settings.template if is_stack else self._read_template()
        summary = {
            **_describe(template),
            "ResourceTypes": [entry.type_name for entry in template.resources.values()],
            "Version": template.document.get("AWSTemplateFormatVersion"),
            "ResourceIdentifierSummaries": [],
        }
        if template.document.get("Metadata"):
            summary["Metadata"] = json.dumps(template.document["Metadata"])
        return ActionResult({name: value for name, value in summary.items() if value is not None})

    def validate_template(self) -> ActionResult:
        template = self._read_template()
        description = _describe(template)
        for parameter in description["Parameters"]:
            del parameter["ParameterType"]
        return ActionResult(description)

    def _read_template(self) -> Template:
        return requests.read_template(self.call, self.caller_calls())


def _describe(template: Template) -> dict[str, Any]:
    description: dict[str, Any] = {
        "Parameters": parameters.describe_declarations(template.parameters),
        "Description": template.description,
        "Capabilities": template.capabilities,
        "DeclaredTransforms": [],
    }
    if template.capabilities:
        types = sorted(
            {
                entry.type_name
                for entry in template.resources.values()
                if RESOURCE_TYPES[entry.type_name].needs_capability
            }
        )
        description["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(types)}]"
    return {name: value for name, value in description.items() if value is not None}
