"""Values of another type than the input takes: resources, documents, files, single items, typed values as text."""

import os
import re
from collections.abc import Mapping
from typing import Final

import pulumi

from eks_identity.errors import Problem
from eks_identity.runtime.mistakes.input_fields import RuleAndFix, has_rule, is_json, last_key, to_snake_case

_ARN_INPUTS: Final = frozenset(
    {"arn", "principals", "roles", "policies", "permissions_boundary", "allow_lockout_of", "resources", "arns"}
)
_FILE: Final = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^\n{}]{1,400}|[\w. /\\-]{1,200}\.(?:ya?ml|json|conf|config)")


def resource_for_value(problem: Problem) -> RuleAndFix | None:
    """Recognize a resource in place of one of its outputs."""
    value, key = problem.value, last_key(problem.input)
    if not isinstance(value, pulumi.Resource):
        return None
    class_name = type(value).__name__
    name = to_snake_case(class_name)
    if key == "cluster" and not hasattr(value, "connection"):
        rule = f"must be the connection of an eks_identity.Cluster, not a {class_name}"
        output = "eks_cluster.name" if hasattr(value, "eks_cluster") else "name"
        return rule, f'pass eks_identity.Cluster("…", {{"name": {name}.{output}}}).connection'
    attribute = _attribute(value, key)
    if attribute is None:
        return f"must be a value, not a {class_name}", f"pass the output of {name} that holds this value"
    rule = f"must be the {attribute.rpartition('.')[2]} of a resource, not the resource itself"
    expression = f"{name}.{attribute}"
    return rule, f"pass [{expression}]" if "a list" in problem.rule else f"pass {expression}"


def _attribute(resource: pulumi.Resource, key: str) -> str | None:
    """Return the name of the output of `resource` that the input `key` takes."""
    if type(resource).__module__.startswith("pulumi_kubernetes") and key in {"namespace", "name", "service_account"}:
        return "metadata.name"
    candidates = {"cluster": ["connection"], "issuer": ["issuer", "url"], "audiences": []}.get(key, [key])
    if key in _ARN_INPUTS:
        candidates = ["arn"]
    elif key.endswith(("_arn", "_arns")):
        candidates = [key.removesuffix("s"), "arn"]
    elif key.endswith("_name") or key in {"group", "subjects"}:
        candidates = [key, "name"]
    elif key in {"inline_policies", "session_policy"}:
        candidates = ["policy", "json"]
    return next((name for name in candidates if hasattr(type(resource), name) or name in vars(resource)), None)


def dict_for_json(problem: Problem) -> RuleAndFix | None:
    """Recognize a dict or a policy document in place of JSON text."""
    value = problem.value
    if not is_json(problem):
        return None
    if isinstance(value, Mapping) and has_rule(problem, "a string"):
        rule = "must be JSON text, not a dict"
        return rule, "use json.dumps(…), or pulumi.Output.json_dumps(…) if the dict holds Outputs"
    if isinstance(getattr(value, "json", None), str):
        return "must be JSON text, not the result of get_policy_document", "pass its output json: document.json"
    return None


def file_for_text(problem: Problem) -> RuleAndFix | None:
    """Recognize a file, its path or its bytes in place of its text."""
    value = problem.value
    if isinstance(value, (pulumi.Asset, pulumi.Archive)):
        return "must be text, not an asset", "pass the file's text: pathlib.Path(path).read_text()"
    if isinstance(value, bytes):
        return "must be text, not bytes", "pass value.decode()"
    is_text_input = is_json(problem)
    if isinstance(value, os.PathLike):
        fix = "pass the file's text: path.read_text()" if is_text_input else "pass str(path)"
        return "must be text, not a path", fix
    if is_text_input and isinstance(value, str) and _FILE.fullmatch(value):
        return "must be the text of the file, not its path", "pass pathlib.Path(path).expanduser().read_text()"
    return None


def item_for_list(problem: Problem) -> RuleAndFix | None:
    """Recognize a single item, a set or an iterator in place of a list."""
    value = problem.value
    if not has_rule(problem, "a list"):
        return None
    if isinstance(value, str):
        return "must be a list, even for a single item", f"write [{value!r}]"
    if isinstance(value, Mapping):
        return "must be a list, even for a single item", "put brackets around the mapping: [{…}]"
    if isinstance(value, (set, frozenset)) or hasattr(value, "__iter__"):
        return "must be a list", "write list(…), or sorted(…) of a set, so that its order stays the same"
    return None


def text_for_typed_value(problem: Problem) -> RuleAndFix | None:
    """Recognize a boolean or number as text, which is the type that `pulumi.Config.get` returns."""
    value = problem.value
    if not isinstance(value, str):
        return None
    rule = problem.rule.removeprefix("must be ")
    if rule.lower().startswith("true or false") and value.lower() in {"true", "false"}:
        return "must be True or False, without quotes", f"write {value.title()}, or use get_bool of pulumi.Config"
    if rule == "a number" and re.fullmatch(r"\d+", value):
        return "must be a number, without quotes", f"write {value}, or use get_int of pulumi.Config"
    return None


def number_for_version(problem: Problem) -> RuleAndFix | None:
    """Recognize a version as a number, such as 1.30, which is 1.3."""
    value = problem.value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not last_key(problem.input).endswith("version"):
        return None
    return "must be a string, in quotes: 1.30 without them is 1.3", f'write "{value}", with all digits'
