"""Common mistakes in Pulumi programs, each with a rule and a fix of its own.

`explain` looks at the value of a validation error: an Output in an f-string, a resource in place of its ARN, a dict in
place of JSON text. It runs where an error leaves a component, and so for every input of every component. `in_text`
finds the mistakes that no other rule would reject, because the text is valid as it stands.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pulumi

from eks_identity.errors import Problem
from eks_identity.model.identity_center import PATH_PREFIX
from eks_identity.redaction import SECRET

Words = tuple[str, str]
"""Rule and fix."""

_OUTPUT: Final = re.compile(
    r"Calling (?:__str__|\[?toString\]?) on an \[?Output(?:\[T\]|<T>)\]? is not supported"
    r"(?:.{1,400}?inputs-outputs for more details\.(?:\s|\\n)*(?:This function may throw[^.]*\.)?)?",
    re.DOTALL,
)
_OBJECT: Final = re.compile(r"<(?:\w+\.)*(\w+) object at 0x[0-9a-f]+>")
_INTERPOLATION: Final = re.compile(r"\$\{([^}]*)\}")
_FOREIGN: Final = re.compile(r"\$\{(?:AWS::|(?:var|local|module|data)\.|aws_\w+\.)")
"""Interpolations of CloudFormation and Terraform; IAM has policy variables of its own, such as `${aws:username}`."""
_POLICY_VARIABLE: Final = re.compile(r"[*?$]$|[a-z][a-z0-9-]*:(?!:)")
"""The inside of one of IAM's own."""
_FORGOTTEN_F: Final = re.compile(r"(?<![${])\{([A-Za-z_][\w.]*)\}(?!\})")
_PSEUDO: Final = {
    "AWS::AccountId": "aws.get_caller_identity().account_id",
    "AWS::Partition": "aws.get_partition().partition",
    "AWS::Region": "aws.get_region().region",
    "AWS::StackName": "pulumi.get_stack()",
    "data.aws_caller_identity.current.account_id": "aws.get_caller_identity().account_id",
    "data.aws_partition.current.partition": "aws.get_partition().partition",
}
_JSON_FIELDS: Final = frozenset({"session_policy", "configuration_values", "inline_policies", "kubeconfig"})
_ARN_FIELDS: Final = frozenset({"policies", "permissions_boundary", "allow_lockout_of", "resources", "arns"})
_FREE_TEXT: Final = frozenset({"annotations", "labels", "tags", "description"})
_SSO: Final = re.compile(r"AWSReservedSSO_([\w+=,.@-]+?)_?[*?]", re.ASCII)
_FILE: Final = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^\n{}]{1,400}|[\w. /\\-]{1,200}\.(?:ya?ml|json|conf|config)")
_IAM_ARN: Final = re.compile(r"(arn:[\w-]+:(?:iam|sts)::)([\d-]+)(:.+)", re.DOTALL)
_ISSUER: Final = re.compile(r"(?:https://)?(oidc\.eks\.[\w-]+\.[\w.]+/id/\w+)/?")
_ACCOUNT_DIGITS: Final = 12
_LEAST_ACCOUNT_DIGITS: Final = 9
"""An id with more leading zeros than three is more likely another number."""


class _Shown:
    """A value of an error that is shown as this text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def explain(problem: Problem) -> Problem:
    """Return `problem` with the rule and fix of the mistake that its value shows; unchanged where it shows none."""
    if problem.value is SECRET:
        return problem
    for recognize in _MISTAKES:
        words = recognize(problem)
        if words is not None:
            return replace(problem, rule=words[0], fix=words[1], value=_readable(problem.value, _field(problem)))
    return problem


def in_text(value: str, under: str) -> Problem | None:
    """Return the problem of a text that holds an Output, a resource, or an interpolation of another tool."""
    if "object at 0x" in value or "on an Output[T]" in value or "on an [Output<T>]" in value:
        return explain(Problem(under, "must be text", value, "write the text itself"))
    if "${" in value and _FOREIGN.search(value) and _FREE_TEXT.isdisjoint(_fields(under)):
        return explain(Problem(under, "must be text", value, "write the text itself"))
    return None


def in_values(value: Any, under: str) -> Iterator[Problem]:
    """Yield the same for each text anywhere in `value`, whose shape is another package's."""
    if isinstance(value, str):
        found = in_text(value, under)
        if found is not None:
            yield found
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from in_values(one, f"{under}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from in_values(one, f"{under}[{index}]")


def late_container(under: str, keys: Mapping[str, Any] | None, *, is_list: bool = False) -> Problem:
    """Return the problem of an Output of a whole list or mapping, whose `keys` are given where they are fixed."""
    name = _variable(under)
    if keys is not None:
        rule = f"must be a plain mapping of {', '.join(keys)}, whose values may be Outputs"
        names = ", ".join(f'"{key}"' for key in keys)
        fix = f"write {{key: {name}[key] for key in ({names})}}, where {name} is that Output; leave out keys it lacks"
    elif is_list:
        rule = "must be a plain list, since it decides which resources there are; its items may be Outputs"
        fix = f"write the items one by one: [{name}[0], {name}[1]], where {name} is that Output"
    else:
        rule = "must be a plain mapping, since it decides which resources there are; its values may be Outputs"
        fix = f'write the keys yourself: {{"KEY": {name}["KEY"]}}, where {name} is that Output'
    return Problem(under, rule, _Shown("an Output"), fix)


def _fields(path: str) -> list[str]:
    """The keys in an input path: those of `principals[0].arn` are `principals` and `arn`."""
    return re.sub(r"\[[^\]]*\]", "", path).split(".")


def _field(problem: Problem) -> str:
    return _fields(problem.input)[-1]


def _variable(path: str) -> str:
    return _fields(path)[-1] or "value"


def _readable(value: object, field: str) -> object:
    if field == "kubeconfig" and isinstance(value, Mapping):  # it may hold credentials
        return _Shown("a dict")
    if isinstance(value, pulumi.Resource):
        return _Shown(f'the resource {type(value).__name__} "{value.pulumi_resource_name}"')
    if isinstance(value, str) and _OUTPUT.search(value):
        return _OUTPUT.sub("{an Output}", value)
    if isinstance(value, str) and _OBJECT.search(value):
        return _OBJECT.sub(r"{a \1}", value)
    return value


def _output_in_text(problem: Problem) -> Words | None:
    value = problem.value
    if not isinstance(value, str) or not _OUTPUT.search(value):
        return None
    rule = "must not be made of an Output by an f-string, str() or +: the value is not known yet then (Pulumi)"
    if _is_json(problem):
        return rule, "use pulumi.Output.json_dumps({…}) with the Outputs in the dict, in place of json.dumps"
    numbers = iter(range(99))
    template = _OUTPUT.sub(lambda _: f"{{{next(numbers)}}}", value)
    if template == "{0}":
        return rule, "pass the Output itself, without str() or quotes"
    if "{0}" in template:
        fix = f"write pulumi.Output.format({template!r}, …) with the Output in place of …, or use pulumi.Output.concat"
        return rule, f"{fix}, or write the text inside .apply"
    return rule, "use pulumi.Output.format or pulumi.Output.concat, or write the text inside .apply"


def _object_in_text(problem: Problem) -> Words | None:
    found = _OBJECT.search(problem.value) if isinstance(problem.value, str) else None
    if found is None:
        return None
    rule = f"must not be made of a {found[1]} by an f-string or str(): that gives its place in memory"
    if found[1] == "Output":
        return rule, "use pulumi.Output.format or pulumi.Output.concat, or write the text inside .apply"
    return (
        rule,
        f"use pulumi.Output.format with an output of it, such as {_snake(found[1])}.arn or {_snake(found[1])}.name",
    )


def _interpolation(problem: Problem) -> Words | None:
    value = problem.value
    if not isinstance(value, str) or (_is_json(problem) and not _FOREIGN.search(value)):
        return None
    found = [each for each in _INTERPOLATION.findall(value) if not _POLICY_VARIABLE.match(each)]
    if found:
        rule = f"must not hold ${{{found[0]}}}: Pulumi does not replace what CloudFormation and Terraform would"
        text = _INTERPOLATION.sub(lambda each: f"{{{_PSEUDO.get(each[1], _python(each[1]))}}}", value)
        meant = ", ".join(f"{_PSEUDO[each]}" for each in dict.fromkeys(found) if each in _PSEUDO)
        variables = [each for each in found if each not in _PSEUDO]
        note = f"; {_python(variables[0])} is the value that was {variables[0]} there" if variables else ""
        return rule, f"write f{text!r}{note}" if meant or variables else "write the value itself"
    forgotten = _FORGOTTEN_F.search(value)
    if forgotten and not _is_json(problem):
        rule = f"must not hold {{{forgotten[1]}}}: Python replaces it only in a string with f before its quotes"
        fix = f"write f{value!r}; where {forgotten[1]} is an Output, pulumi.Output.format({value!r}, {forgotten[1]}=…)"
        return rule, fix
    return None


def _python(name: str) -> str:
    """A Python name for a variable of another tool: `var.account_id` becomes `account_id`."""
    return re.sub(r"\W+", "_", re.split(r"[.:]", name)[-1]).strip("_").lower() or "value"


def _resource(problem: Problem) -> Words | None:
    value, field = problem.value, _field(problem)
    if not isinstance(value, pulumi.Resource):
        return None
    name, kind = _snake(type(value).__name__), type(value).__name__
    if field == "cluster" and not hasattr(value, "connection"):
        rule = f"must be the connection of an eks_identity.Cluster, not a {kind}"
        found = "eks_cluster.name" if hasattr(value, "eks_cluster") else "name"
        return rule, f'pass eks_identity.Cluster("…", {{"name": {name}.{found}}}).connection'
    attribute = _attribute(value, field)
    if attribute is None:
        return f"must be a value, not a {kind}", f"pass the output of {name} that holds this value"
    brackets = "a list" in problem.rule
    rule = f"must be the {attribute.rpartition('.')[2]} of a resource, not the resource itself"
    passed = f"{name}.{attribute}"
    return rule, f"pass [{passed}]" if brackets else f"pass {passed}"


def _attribute(resource: pulumi.Resource, field: str) -> str | None:
    """The output of `resource` that the input `field` takes."""
    if type(resource).__module__.startswith("pulumi_kubernetes") and field in {"namespace", "name", "service_account"}:
        return "metadata.name"
    own = {"cluster": ["connection"], "issuer": ["issuer", "url"], "policies": ["arn"], "audiences": []}.get(field)
    candidates = own if own is not None else [field]
    if field in {"arn", "principals", "roles"} | _ARN_FIELDS:
        candidates = ["arn"]
    elif field.endswith(("_arn", "_arns")):
        candidates = [field.removesuffix("s"), "arn"]
    elif field.endswith("_name") or field in {"group", "subjects"}:
        candidates = [field, "name"]
    elif field in {"inline_policies", "session_policy"}:
        candidates = ["policy", "json"]
    return next((each for each in candidates if hasattr(type(resource), each) or each in vars(resource)), None)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _json(problem: Problem) -> Words | None:
    value = problem.value
    if not _is_json(problem):
        return None
    if isinstance(value, Mapping) and problem.rule.removeprefix("must be ") == "a string":
        rule = "must be JSON text, not a dict"
        return rule, "use json.dumps(…), or pulumi.Output.json_dumps(…) where the dict holds Outputs"
    if isinstance(getattr(value, "json", None), str):
        return "must be JSON text, not the result of get_policy_document", "pass its output json: document.json"
    return None


def _file(problem: Problem) -> Words | None:
    value = problem.value
    if isinstance(value, (pulumi.Asset, pulumi.Archive)):
        return "must be text, not an asset", "pass the file's text: pathlib.Path(path).read_text()"
    if isinstance(value, bytes):
        return "must be text, not bytes", "pass value.decode()"
    is_text_field = _is_json(problem)
    if isinstance(value, os.PathLike):
        fix = "pass the file's text: path.read_text()" if is_text_field else "pass str(path)"
        return "must be text, not a path", fix
    if is_text_field and isinstance(value, str) and _FILE.fullmatch(value):
        return "must be the text of the file, not its path", "pass pathlib.Path(path).expanduser().read_text()"
    return None


def _account(problem: Problem) -> Words | None:
    value = problem.value
    is_number = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    if _field(problem) == "account_id" and is_number and not _is_account_id(value):
        digits = re.sub(r"[-\s]|\.0$", "", str(value))
        if digits.isdigit() and _LEAST_ACCOUNT_DIGITS <= len(digits) <= _ACCOUNT_DIGITS:
            rule = "must be a string of twelve digits: a number loses its leading zeros (AWS account id)"
            return rule, f'write "{digits.zfill(_ACCOUNT_DIGITS)}", in quotes'
    found = _IAM_ARN.fullmatch(value) if isinstance(value, str) else None
    if found and not _is_account_id(found[2]):
        digits = found[2].replace("-", "")
        rule = f"must have an account id of twelve digits, and has {found[2]}: a number loses its leading zeros"
        if _LEAST_ACCOUNT_DIGITS <= len(digits) <= _ACCOUNT_DIGITS:
            return rule, f"write {found[1]}{digits.zfill(_ACCOUNT_DIGITS)}{found[3]}, with the account id as a string"
        return rule, "write the account id as a string of twelve digits: `aws sts get-caller-identity` shows yours"
    return None


def _is_account_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{12}", value) is not None


def _permission_set(problem: Problem) -> Words | None:
    value = problem.value
    found = _SSO.search(value) if isinstance(value, str) else None
    if found is None:
        return None
    rule = "must name one role: neither EKS nor IAM matches wildcards in the ARN of a principal"
    if "principals" in _fields(problem.input):
        return rule, f'write "permission_set": "{found[1]}" in place of arn; its role is looked up in IAM'
    listed = f"`aws iam list-roles --path-prefix {PATH_PREFIX} --query Roles[].Arn`"
    return rule, f"write the whole ARN of the role AWSReservedSSO_{found[1]}_…, which {listed} shows"


def _issuer(problem: Problem) -> Words | None:
    value, field = problem.value, _field(problem)
    if not isinstance(value, str):
        return None
    found = _ISSUER.fullmatch(value.strip())
    if found and "oidc_provider" in field:
        rule = "must be the ARN of the IAM OIDC provider, not the URL of the issuer"
        ending = f"oidc-provider/{found[1]}"
        return (
            rule,
            f"pass OidcProvider.arn; `aws iam list-open-id-connect-providers` shows the ARN that ends in {ending}",
        )
    provider = value.partition(":oidc-provider/")[2]
    if provider and field == "issuer":
        return "must be the URL of the issuer, not the ARN of its IAM OIDC provider", f"write https://{provider}"
    return None


def _around(problem: Problem) -> Words | None:
    """Spaces, line ends or quotes around a value: of a file, of a command, or of JSON."""
    value = problem.value
    if not isinstance(value, str) or _is_json(problem) or problem.input.startswith("opts."):
        return None
    inner = value.strip().strip("\"'").strip()
    if not inner or inner == value:
        return None
    return (
        "must have no spaces, line ends or quotes around it",
        f"write {inner!r}; call .strip() on text that comes from a file or a command",
    )


def _name_for_arn(problem: Problem) -> Words | None:
    value, field = problem.value, _field(problem)
    is_name = isinstance(value, str) and re.fullmatch(r"[\w+=,.@-]{1,64}", value, re.ASCII)
    if not is_name or field not in {"role_arn", "target_role_arn", "trusted_role_arns", "assume_role_arns"}:
        return None
    shown = f"`aws iam get-role --role-name {value} --query Role.Arn --output text`"
    return "must be the ARN of an IAM role, not its name", f"pass role.arn, or what {shown} prints"


def _arn_for_name(problem: Problem) -> Words | None:
    value, field = problem.value, _field(problem)
    if not isinstance(value, str) or not value.startswith("arn:") or not field.endswith("name"):
        return None
    last = value.rpartition("/")[2]
    return "must be a name, not an ARN", f"write {last}"


def _one_for_many(problem: Problem) -> Words | None:
    value = problem.value
    if problem.rule.removeprefix("must be ") != "a list":
        return None
    if isinstance(value, str):
        return "must be a list, also for one item", f"write [{value!r}]"
    if isinstance(value, Mapping):
        return "must be a list, also for one item", "put brackets around the mapping: [{…}]"
    if isinstance(value, (set, frozenset)) or hasattr(value, "__iter__"):
        return "must be a list", "write list(…), or sorted(…) of a set, so that its order stays the same"
    return None


def _typed_text(problem: Problem) -> Words | None:
    """The value of a boolean or number as text, which is what `pulumi.Config.get` returns."""
    value = problem.value
    if not isinstance(value, str):
        return None
    if problem.rule.removeprefix("must be ").startswith("true or false") and value.lower() in {"true", "false"}:
        return "must be True or False, without quotes", f"write {value.title()}, or use get_bool of pulumi.Config"
    if problem.rule.removeprefix("must be ") == "a number" and re.fullmatch(r"\d+", value):
        return "must be a number, without quotes", f"write {value}, or use get_int of pulumi.Config"
    return None


def _is_json(problem: Problem) -> bool:
    return not _JSON_FIELDS.isdisjoint(_fields(problem.input))


_MISTAKES: tuple[Callable[[Problem], Words | None], ...] = (
    _output_in_text,
    _object_in_text,
    _resource,
    _json,
    _file,
    _interpolation,
    _permission_set,
    _issuer,
    _around,
    _account,
    _arn_for_name,
    _name_for_arn,
    _one_for_many,
    _typed_text,
)
"""In the order in which they are looked for."""
