"""Evaluation of a template for a stack: the properties of its resources, and its outputs.

The stack's records hold the physical IDs and attributes that `Ref` and `Fn::GetAtt` return.
"""

from __future__ import annotations

from typing import Any

from lab.cloud.cloudformation import parameters
from lab.cloud.cloudformation.errors import ResourceFailure, ValidationError
from lab.cloud.cloudformation.intrinsics import NO_VALUE, Scope
from lab.cloud.cloudformation.records import Output, StackRecord, StackSettings
from lab.cloud.cloudformation.resource_schemas import load_schema
from lab.cloud.cloudformation.store import store

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""CloudFormation's text in change sets for a value that no resource has yet."""


class Evaluation:
    """The values of a template with the settings of a stack operation."""

    def __init__(self, stack: StackRecord, settings: StackSettings, *, is_preview: bool = False) -> None:
        """Create the evaluation.

        Args:
            stack: The stack, whose existing resources have the values of references.
            settings: The template, and the values of its parameters.
            is_preview: Whether resources may be missing. References to them, and to those in `replaced`, then have
                the value `KNOWN_AFTER_APPLY`.

        Raises:
            ValidationError: a condition cannot be evaluated.
        """
        template = settings.template
        self._stack, self._settings, self._is_preview = stack, settings, is_preview
        self.replaced: set[str] = set()
        self.imports: set[str] = set()
        self._scope = Scope(
            parameters={**parameters.references(template.parameters, settings.parameters), **_pseudo_parameters(stack)},
            mappings=template.mappings,
            conditions=template.conditions,
            find_reference=self._find_reference,
            find_attribute=self._find_attribute,
            find_export=self._find_export,
        )
        self.order = [name for name in template.order if self._is_created(template.resources[name].condition)]

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return the evaluated properties of a resource, with the stack's tags.

        Raises:
            ResourceFailure: an expression cannot be evaluated, or the properties are not valid.
        """
        declaration = self._settings.template.resources[logical_id]
        schema = load_schema(declaration.type_name)
        try:
            properties = schema.convert(self._scope.evaluate(declaration.properties))
        except ValidationError as error:
            raise ResourceFailure(error.message) from error
        problem = schema.find_problem(logical_id, properties)
        if problem and self._is_preview:
            return properties  # the creation fails with the problem, which may be due to `KNOWN_AFTER_APPLY`
        if problem:
            raise ResourceFailure(problem)
        if schema.is_taggable and self._settings.tags:
            own = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}
            tags = {**self._settings.tags, **own}
            properties["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return properties

    def outputs(self) -> list[Output]:
        """Return the evaluated outputs.

        Raises:
            ResourceFailure: an output cannot be evaluated, or another stack has an export of that name.
        """
        outputs = []
        for key, declaration in self._settings.template.outputs.items():
            if not self._is_created(declaration.get("Condition")):
                continue
            try:
                value = self._scope.evaluate(declaration["Value"])
                export = self._scope.evaluate(declaration.get("Export", {})).get("Name")
            except ValidationError as error:
                raise ResourceFailure(error.message) from error
            if not isinstance(value, str | int | float):
                raise ResourceFailure(
                    f"Template format error: The Value field of Output {key} must evaluate to a String"
                )
            if not isinstance(export, str | None):
                raise ResourceFailure(f"Template format error: The Name of the export of output {key} must be a String")
            description = declaration.get("Description")
            outputs.append(
                Output(key, str(value).lower() if isinstance(value, bool) else str(value), description, export)
            )
        return outputs

    def check_exports(self, outputs: list[Output]) -> None:
        """Raise an error if another stack has an export of the same name, or imports one that the outputs lack."""
        stack = self._stack
        names = {output.export for output in outputs if output.export}
        for other, output in store.list_exports(stack.account, stack.region):
            if other is not stack and output.export in names:
                message = f"Export with name {output.export} is already exported by stack {other.name}. Rule: Exported "
                raise ResourceFailure(f"{message}names must be unique within a region of an account.")
        check_removed_exports(stack, names)

    def _is_created(self, condition: str | None) -> bool:
        return condition is None or self._scope.condition(condition)

    def _find_reference(self, name: str) -> str:
        record = self._stack.resources.get(name)
        if record is not None and record.physical_id and name not in self.replaced:
            return record.physical_id
        return self._missing(name)

    def _find_attribute(self, name: str, attribute: str) -> str:
        record = self._stack.resources.get(name)
        if record is not None and attribute in record.attributes and name not in self.replaced:
            return record.attributes[attribute]
        return self._missing(name)

    def _missing(self, resource: str) -> str:
        """Return the value of a resource that does not exist yet. One whose condition is false never will."""
        if not self._is_preview or resource not in self.order:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{resource}] in the template: its condition "
                "is false"
            )
        return KNOWN_AFTER_APPLY

    def _find_export(self, name: str) -> str:
        for _, output in store.list_exports(self._stack.account, self._stack.region):
            if output.export == name:
                self.imports.add(name)
                return output.value
        if self._is_preview:
            return KNOWN_AFTER_APPLY
        raise ValidationError(f"No export named {name} found.")


def check_removed_exports(stack: StackRecord, remaining: set[str]) -> None:
    """Raise an error if another stack imports an export of `stack` that is not among `remaining`."""
    for output in stack.outputs:
        if output.export is None or output.export in remaining:
            continue
        users = [
            other.name
            for other in store.list_importers(stack.account, stack.region, output.export)
            if other is not stack
        ]
        if users:
            raise ResourceFailure(f"Export {output.export} cannot be deleted as it is in use by {', '.join(users)}")


def _pseudo_parameters(stack: StackRecord) -> dict[str, Any]:
    suffix = ".cn" if stack.partition == "aws-cn" else ""
    return {
        "AWS::AccountId": stack.account,
        "AWS::NotificationARNs": [],
        "AWS::NoValue": NO_VALUE,
        "AWS::Partition": stack.partition,
        "AWS::Region": stack.region,
        "AWS::StackId": stack.arn,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": f"amazonaws.com{suffix}",
    }
