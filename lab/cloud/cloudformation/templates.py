"""Templates: their sections, and the checks that CloudFormation makes before it creates anything.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lab.cloud.cloudformation.declarations import read_resource
from lab.cloud.cloudformation.documents import parse_document
from lab.cloud.cloudformation.errors import ValidationError
from lab.cloud.cloudformation.references import check_functions, list_conditions, list_references
from lab.cloud.cloudformation.resource_schemas import load_schema, type_exists
from lab.cloud.cloudformation.resource_types import RESOURCE_TYPES

VERSION = "2010-09-09"
PSEUDO_PARAMETERS = frozenset(
    {
        "AWS::AccountId",
        "AWS::NoValue",
        "AWS::NotificationARNs",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)
_IMPLEMENTED_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
    }
)
_OTHER_SECTIONS = frozenset({"Hooks", "Rules", "Transform"})
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")


class Template:
    """A valid template: each type, function and name in it exists, and the lab implements it."""

    def __init__(self, text: str, region: str) -> None:
        """Read a template.

        Raises:
            ValidationError: the template is not valid in the region, or has what the lab does not implement.
        """
        self.text = text
        self.document = parse_document(text)
        self._check_sections()
        self.description: str | None = self.document.get("Description")
        self.parameters = self._section("Parameters")
        self.mappings = self._section("Mappings")
        self.conditions = self._section("Conditions")
        self.outputs = self._section("Outputs")
        _check_types(self._section("Resources"), region)
        self.resources = {name: read_resource(name, value) for name, value in self._section("Resources").items()}
        self._check_references()
        self._check_outputs()
        self.order = self._sort()

    @cached_property
    def capabilities(self) -> list[str]:
        """The capabilities that the caller must acknowledge."""
        types = [RESOURCE_TYPES[entry.type_name] for entry in self.resources.values()]
        if not any(entry.needs_capability for entry in types):
            return []
        is_named = any(
            RESOURCE_TYPES[entry.type_name].name_property in entry.properties for entry in self.resources.values()
        )
        return ["CAPABILITY_NAMED_IAM"] if is_named else ["CAPABILITY_IAM"]

    def dependencies(self, logical_id: str) -> list[str]:
        """Return the resources that must exist before a resource."""
        resource = self.resources[logical_id]
        names = [*resource.depends_on, *(name for name, _ in list_references(resource.properties))]
        return [name for name in dict.fromkeys(names) if name in self.resources]

    def _section(self, name: str) -> dict[str, Any]:
        section = self.document.get(name)
        if section is None:
            return {}
        if not isinstance(section, dict):
            raise ValidationError(f"Template format error: {name} must be an object")
        for key, value in section.items():
            if not isinstance(key, str) or not _LOGICAL_ID.fullmatch(key):
                kind = {"Resources": "Resource"}.get(name, name.removesuffix("s"))
                raise ValidationError(f"Template format error: {kind} name {key} is non alphanumeric.")
            if name != "Conditions" and not isinstance(value, dict):
                raise ValidationError(f"Template format error: Every {name} member must be an object: {key}")
        return section

    def _check_sections(self) -> None:
        version = self.document.get("AWSTemplateFormatVersion")
        if version not in (None, VERSION):
            raise ValidationError("Template format error: unsupported value for AWSTemplateFormatVersion.")
        unknown = [str(name) for name in self.document if name not in _IMPLEMENTED_SECTIONS | _OTHER_SECTIONS]
        if unknown:
            raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
        for name in _OTHER_SECTIONS & set(self.document):
            raise ValidationError(f"The lab does not implement the template section {name}")
        if not self.document.get("Resources"):
            raise ValidationError("Template format error: At least one Resources member must be defined.")
        if not isinstance(self.document.get("Description", ""), str):
            raise ValidationError("Template format error: Description must be a string")

    def _check_references(self) -> None:
        for name, condition in self.conditions.items():
            self._check_names(condition, f"condition {name}", names=set(self.parameters) | PSEUDO_PARAMETERS)
        for resource in self.resources.values():
            check_functions(resource.properties)
            self._check_expression(resource.properties, "the Resources block of the template")
            missing = [name for name in resource.depends_on if name not in self.resources]
            if missing:
                raise ValidationError(
                    f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the Resources "
                    "block of the template"
                )
            self._check_condition(resource.condition)

    def _check_expression(self, expression: Any, where: str) -> None:
        self._check_names(expression, where, names={*self.parameters, *self.resources, *PSEUDO_PARAMETERS})
        for condition in list_conditions(expression):
            self._check_condition(condition)

    def _check_names(self, expression: Any, where: str, *, names: set[str]) -> None:
        references = list(list_references(expression))
        missing = dict.fromkeys(name for name, _ in references if name not in names)
        if missing:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in {where}"
            )
        for name, attribute in references:
            if attribute is None:
                continue
            if name not in self.resources:
                raise ValidationError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
            if attribute not in load_schema(self.resources[name].type_name).read_only:
                raise ValidationError(
                    f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
                )

    def _check_condition(self, name: Any) -> None:
        if name is not None and (not isinstance(name, str) or name not in self.conditions):
            raise ValidationError(f"Template format error: Unresolved condition dependency {name}")

    def _check_outputs(self) -> None:
        for name, output in self.outputs.items():
            if "Value" not in output:
                raise ValidationError(f"Template format error: Output {name} must have a Value")
            unknown = set(output) - {"Condition", "Description", "Export", "Value"}
            if unknown:
                raise ValidationError(f"Invalid template output property '{min(unknown)}'")
            if not isinstance(output.get("Description", ""), str):
                raise ValidationError(f"Template format error: Description of output {name} must be a string")
            export = output.get("Export")
            if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
                raise ValidationError(f"Template format error: Export of output {name} must have a Name, and only that")
            check_functions([output["Value"], export])
            self._check_expression([output["Value"], export], "the Outputs block of the template")
            self._check_condition(output.get("Condition"))

    def _sort(self) -> list[str]:
        sorter = TopologicalSorter({name: self.dependencies(name) for name in self.resources})
        try:
            return list(sorter.static_order())
        except CycleError as error:
            names = ", ".join(dict.fromkeys(error.args[1]))
            raise ValidationError(f"Circular dependency between resources: [{names}]") from error


def _check_types(resources: Mapping[str, Mapping[str, Any]], region: str) -> None:
    for name, value in resources.items():
        if not isinstance(value.get("Type"), str):
            raise ValidationError(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            )
    types = dict.fromkeys(value["Type"] for value in resources.values())
    unknown = [name for name in types if not type_exists(name, region)]
    if unknown:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    others = [name for name in types if name not in RESOURCE_TYPES]
    if others:
        raise ValidationError(
            f"The lab does not implement these resource types: [{', '.join(others)}]. It implements "
            f"{', '.join(sorted(RESOURCE_TYPES))}"
        )
