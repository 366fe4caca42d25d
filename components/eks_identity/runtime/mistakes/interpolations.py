"""Text made of an Output or a resource, and text with an interpolation that was not replaced."""

import re
from typing import Final

from eks_identity.errors import Problem
from eks_identity.runtime.mistakes.input_fields import RuleAndFix, is_json, to_snake_case

_OUTPUT: Final = re.compile(
    r"Calling (?:__str__|\[?toString\]?) on an \[?Output(?:\[T\]|<T>)\]? is not supported"
    r"(?:.{1,400}?inputs-outputs for more details\.(?:\s|\\n)*(?:This function may throw[^.]*\.)?)?",
    re.DOTALL,
)
_OBJECT: Final = re.compile(r"<(?:\w+\.)*(\w+) object at 0x[0-9a-f]+>")
_INTERPOLATION: Final = re.compile(r"\$\{([^}]*)\}")
_FOREIGN: Final = re.compile(r"\$\{(?:AWS::|(?:var|local|module|data)\.|aws_\w+\.)")
"""Interpolations of CloudFormation and Terraform. IAM has policy variables of its own, such as `${aws:username}`."""
_POLICY_VARIABLE: Final = re.compile(r"[*?$]$|[a-z][a-z0-9-]*:(?!:)")
"""The name of a policy variable of IAM."""
_MISSING_F: Final = re.compile(r"(?<![${])\{([A-Za-z_][\w.]*)\}(?!\})")
_PSEUDO_PARAMETERS: Final = {
    "AWS::AccountId": "aws.get_caller_identity().account_id",
    "AWS::Partition": "aws.get_partition().partition",
    "AWS::Region": "aws.get_region().region",
    "AWS::StackName": "pulumi.get_stack()",
    "data.aws_caller_identity.current.account_id": "aws.get_caller_identity().account_id",
    "data.aws_partition.current.partition": "aws.get_partition().partition",
}
"""Python expressions for parameters of CloudFormation and data sources of Terraform."""


def is_foreign(text: str) -> bool:
    """Return whether `text` has an interpolation of CloudFormation or Terraform."""
    return "${" in text and _FOREIGN.search(text) is not None


def readable(text: str) -> str:
    """Return `text` with `{an Output}` or `{a Role}` in place of what Python writes for an Output or an object."""
    if _OUTPUT.search(text):
        return _OUTPUT.sub("{an Output}", text)
    return _OBJECT.sub(r"{a \1}", text)


def output_in_text(problem: Problem) -> RuleAndFix | None:
    """Recognize text that Python made of an Output."""
    value = problem.value
    if not isinstance(value, str) or not _OUTPUT.search(value):
        return None
    rule = "must not be made of an Output by an f-string, str() or +: its value is not resolved yet (Pulumi)"
    if is_json(problem):
        return rule, "use pulumi.Output.json_dumps({…}) with the Outputs in the dict, in place of json.dumps"
    numbers = iter(range(99))
    template = _OUTPUT.sub(lambda _: f"{{{next(numbers)}}}", value)
    if template == "{0}":
        return rule, "pass the Output itself, without str() or quotes"
    if "{0}" in template:
        fix = f"write pulumi.Output.format({template!r}, …) with the Output in place of …, or use pulumi.Output.concat"
        return rule, f"{fix}, or write the text inside .apply"
    return rule, "use pulumi.Output.format or pulumi.Output.concat, or write the text inside .apply"


def object_in_text(problem: Problem) -> RuleAndFix | None:
    """Recognize text that Python made of another object, such as a resource."""
    match = _OBJECT.search(problem.value) if isinstance(problem.value, str) else None
    if match is None:
        return None
    class_name = match[1]
    rule = f"must not be made of a {class_name} by an f-string or str(): that is its address in memory"
    if class_name == "Output":
        return rule, "use pulumi.Output.format or pulumi.Output.concat, or write the text inside .apply"
    name = to_snake_case(class_name)
    return rule, f"use pulumi.Output.format with an output of it, such as {name}.arn or {name}.name"


def missing_interpolation(problem: Problem) -> RuleAndFix | None:
    """Recognize `${…}` of another tool, and `{…}` in a string without f before its quotes."""
    value = problem.value
    if not isinstance(value, str) or (is_json(problem) and not is_foreign(value)):
        return None
    names = [name for name in _INTERPOLATION.findall(value) if not _POLICY_VARIABLE.match(name)]
    if names:
        rule = f"must not hold ${{{names[0]}}}: Pulumi does not replace interpolations of CloudFormation and Terraform"
        text = _INTERPOLATION.sub(lambda match: f"{{{_expression(match[1])}}}", value)
        variables = [name for name in names if name not in _PSEUDO_PARAMETERS]
        note = f"; {_python_name(variables[0])} is the value of {variables[0]}" if variables else ""
        return rule, f"write f{text!r}{note}"
    match = _MISSING_F.search(value)
    if match and not is_json(problem):
        rule = f"must not hold {{{match[1]}}}: Python replaces it only in a string with f before its quotes"
        fix = f"write f{value!r}; if {match[1]} is an Output, pulumi.Output.format({value!r}, {match[1]}=…)"
        return rule, fix
    return None


def _expression(name: str) -> str:
    return _PSEUDO_PARAMETERS.get(name, _python_name(name))


def _python_name(name: str) -> str:
    """Return a Python name for a variable of another tool: `account_id` for `var.account_id`."""
    return re.sub(r"\W+", "_", re.split(r"[.:]", name)[-1]).strip("_").lower() or "value"
