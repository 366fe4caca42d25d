"""Errors and warnings of the plugin: names in camel case, values as the program has them."""

import asyncio
import re
from contextvars import copy_context
from types import SimpleNamespace

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from eks_identity.errors import AwsError, EksIdentityError, InvalidInput, Problem
from eks_identity.plugin.messages import Messages
from eks_identity.plugin.names import Names
from eks_identity.plugin.schema import schema
from eks_identity.plugin.servicer import Servicer
from eks_identity.plugin.wire import MAX_LEVELS, depth_problems, from_wire
from eks_identity.plugin.wording import neutral
from eks_identity.runtime import diagnostics, program_state, resource_hooks
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, InvalidInputError
from support.component_contract import declare, sample
from support.fix_texts import templates
from support.sample_args import COMPONENTS, keys, shape_of

SERVICER = Servicer("1.0.0", schema(), [], "")
MESSAGES = Messages(Names.of(schema()))


def message(component, path, value="x", rule="must be a name", fix="write a name"):
    return MESSAGES.translate(InvalidInput([Problem(path, rule, value, fix)], subject=f'{component} "role_name"'))


@pytest.mark.parametrize(
    ("component", "path", "translated"),
    [
        ("ClusterAccess", "rbac_roles[0].rules[1].api_groups[2]", "rbacRoles[0].rules[1].apiGroups[2]"),
        ("ClusterAccess", "cluster.account_id", "cluster.accountId"),
        ("Cluster", "node_groups.role_name.scaling_config.min_size", "nodeGroups.role_name.scalingConfig.minSize"),
        ("Cluster", "node_groups.a.labels.k8s.io/role_name", "nodeGroups.a.labels.k8s.io/role_name"),
        ("IrsaRole", "tags.role_name", "tags.role_name"),
        ("IrsaRole", "inline_policies.a.role_name", "inlinePolicies.a.role_name"),
        ("IrsaRole", "opts.providers", "opts.providers"),
        ("IrsaRole", "role_nam", "role_nam"),
        ("Unknown", "role_name", "roleName"),
    ],
)
def test_paths_have_fields_in_camel_case(component, path, translated):
    """Fields at every level are in camel case; keys that the user chose are unchanged, and so is the component."""
    assert message(component, path).startswith(f"{component} \"role_name\": 1 problem\n  {translated}: 'x'\n")


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_input_has_the_path_of_the_schema(component):
    """No field of any component is in snake case in a path."""
    for place, _ in keys(shape_of(COMPONENTS[component])):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")
        assert "_" not in message(component, path).splitlines()[1], path


def test_values_are_those_of_the_program():
    """A text is unchanged, also in rule and fix. The keys that were converted to those of Python have their form."""
    shown = message("ClusterAccess", "group", "role_name", "must not be role_name, see role_arn", "write my-role_name")
    assert "group: 'role_name'" in shown
    assert "rule: must not be role_name, see roleArn" in shown
    rules = {"apiGroups": "", "tags": {"role_name": 1.0}, "role_nam": 1.0}
    roles = [{"bindingName": ["role_name"], "rules": [rules]}]
    converted = from_wire({"rbacRoles": roles}, shape_of(COMPONENTS["ClusterAccess"]))["rbac_roles"]
    assert converted != roles
    assert f"rbacRoles: {roles!r}" in message("ClusterAccess", "rbac_roles", converted)


def test_other_errors_have_names_in_camel_case():
    assert MESSAGES.translate(AwsError("denied: set role_arn")) == "denied: set roleArn"


def test_warnings_have_the_names_of_the_program(monkeypatch):
    """A warning of a component in a program of another language has its names; in Python it is unchanged."""
    shown = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: shown.append(text))
    diagnostics.warn("remove role_arn")
    token = program_state.CURRENT_PROGRAM.set(program_state.RemoteProgram(MESSAGES.translate))
    diagnostics.warn("remove role_arn")
    program_state.CURRENT_PROGRAM.reset(token)
    assert shown == ["remove role_arn", "remove roleArn"]


def test_errors_of_hooks_have_the_names_of_the_program(monkeypatch):
    """The engine gets the error of a hook from Pulumi's SDK, and not by a method of the plugin."""

    async def check(_args):
        raise InvalidInputError([Problem("rbac_roles[0].name", "must be new", "role_name", "set adopt")], 'Role "a"')

    async def is_of(_child, _urn):
        return True

    monkeypatch.setattr(resource_hooks.ChildResource, "is_of", is_of)
    hook = object.__new__(resource_hooks._ProgramHook)  # registers no hook
    hook.checks = {"a": [(resource_hooks.ChildResource(None, "", "a"), check, copy_context())]}
    hook.context = copy_context()
    hook.context.run(program_state.CURRENT_PROGRAM.set, program_state.RemoteProgram(MESSAGES.translate))
    args = SimpleNamespace(name="a", urn="urn", new_inputs={}, old_inputs={}, old_outputs={})
    with pytest.raises(EksIdentityError, match=r"rbacRoles\[0\]\.name: 'role_name'"):
        asyncio.run(hook._run(args))


def test_failures_of_checks_have_camel_case_names(monkeypatch):
    """The engine gets the failures of a resource's check in a response, and not as an error."""
    failures = [provider_pb2.CheckFailure(reason="arn: 'a'\n    fix:  set allow_lockout_of")]
    monkeypatch.setattr(SERVICER._resources, "check", lambda _: provider_pb2.CheckResponse(failures=failures))
    (failure,) = asyncio.run(SERVICER.Check(None, None)).failures
    assert failure.reason == "arn: 'a'\n    fix:  set allowLockoutOf"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (lambda: [pulumi.Output.secret("zq7xmark")], "[an Output]"),
        (lambda: {"a": pulumi.Output.from_input("x")}, "{'a': an Output}"),
        (lambda: pulumi.StringAsset("x"), "a StringAsset"),
        (lambda: [pulumi.FileArchive("folder")], "[a FileArchive]"),
    ],
    ids=["secret", "Output", "asset", "archive"],
)
def test_values_without_a_text_are_named(value, shown, capfd):
    """An Output or an asset has no address in memory in the message, and causes no warning of Pulumi's SDK."""
    with pytest.raises(InvalidInputError) as caught:
        declare("IrsaRole", lambda: {**sample("IrsaRole", 0), "path": value()})
    assert f"  path: {shown}\n" in str(caught.value)
    assert "__str__" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}], ids=["lists", "mappings"])
def test_deeply_nested_inputs_are_rejected(wrap):
    """Pulumi's SDK reads inputs by recursion; 500 levels ended in a RecursionError with its traceback."""

    def nested(levels):
        value = "x"
        for _ in range(levels):
            value = wrap(value)
        inputs = Struct()
        inputs.fields["roleName"].CopyFrom(_value(value))
        return inputs

    assert depth_problems(nested(MAX_LEVELS)) == []
    assert depth_problems(nested(MAX_LEVELS + 1))
    request = provider_pb2.ConstructRequest(type="eks-identity:index:IrsaRole", name="a", inputs=nested(500))
    with pytest.raises(InvalidInput) as caught:
        asyncio.run(SERVICER._construct(request, None))
    assert SERVICER._message(caught.value).startswith('IrsaRole "a": 1 problem\n  roleName: ')


def _value(value):
    outer = Struct()
    target = outer.fields["a"]
    while not isinstance(value, str):
        if isinstance(value, list):
            target = target.list_value.values.add()
            (value,) = value
        else:
            target = target.struct_value.fields["a"]
            (value,) = value.values()
    target.string_value = value
    return outer.fields["a"]


TEXT = "Calling [toString] on an [Output<T>] is not supported"
"""Text of an Output in a template literal of TypeScript, shortened."""
PYTHON = re.compile(
    r"json\.dumps|pathlib|get_bool|get_int|pulumi\.|\bTrue\b|f-string|f'|str\(|\bdict\b|Python|for key in"
)
VALUES = {
    "asset": ("IrsaRole", {"path": lambda: pulumi.StringAsset("x")}),
    "mapping for JSON": ("IrsaRole", {"inline_policies": {"own": {"a": "b"}}}),
    "no JSON": ("IrsaRole", {"inline_policies": {"own": "{"}}),
    "no configuration": ("Addon", {"configuration_values": "[]"}),
    "path for a document": ("IrsaRole", {"inline_policies": {"own": "./policy.json"}}),
    "path for a kubeconfig": ("AwsAuthMapping", {"kubeconfig": "~/.kube/config"}),
    "boolean as text": ("IrsaRole", {"raised_quotas": "true"}),
    "number as text": ("IrsaRole", {"max_session_duration": "3600"}),
    "Output in text": ("IrsaRole", {"role_name": TEXT}),
    "Output at the end of a text": ("IrsaRole", {"role_name": f"a-{TEXT}"}),
    "Output in a document": ("IrsaRole", {"inline_policies": {"own": f'{{"a": "{TEXT}"}}'}}),
    "interpolation of another tool": ("IrsaRole", {"path": "/${AWS::StackName}/"}),
    "braces": ("IrsaRole", {"role_name": "{team}-cart"}),
    "Output of a list": ("IrsaRole", {"subjects": lambda: pulumi.Output.from_input([])}),
    "Output of a mapping": ("IrsaRole", {"tags": lambda: pulumi.Output.from_input({})}),
    "Output of a record": ("WorkloadIdentity", {"cluster": lambda: pulumi.Output.from_input({"name": "x"})}),
    "Output of a choice": ("WorkloadIdentity", {"mode": lambda: pulumi.Output.from_input("irsa")}),
    "secret name": ("IrsaRole", {"role_name": lambda: pulumi.Output.secret("x")}),
}


@pytest.mark.parametrize(("component", "values"), VALUES.values(), ids=list(VALUES))
def test_fixes_have_no_code_of_python(component, values):
    """Rule and fix of a common mistake fit every language, and so does the fix of a missing provider."""

    def args():
        return {**sample(component, 0), **{key: value() if callable(value) else value for key, value in values.items()}}

    with pytest.raises(InvalidInputError) as caught:
        declare(component, args)
    lines = MESSAGES.translate(caught.value).splitlines()
    rules_and_fixes = [line for line in lines if line.strip().startswith(("rule:", "fix:"))]
    assert rules_and_fixes
    assert [line for line in rules_and_fixes if PYTHON.search(line)] == []
    missing = MESSAGES.translate(InvalidInput([Problem("opts.providers", "must be set", None, CLUSTER_PROVIDER)]))
    assert "fix:  pass a kubernetes provider" in missing
    assert not PYTHON.search(missing)
    assert "fix:  set adopt to true" in message("ClusterAccess", "group", fix="set adopt to True")


def test_no_fix_of_the_library_has_code_of_python():
    """Also a fix that is added later needs words for other languages."""
    fixes = [re.sub(r"\\(.)", r"\1", template.replace(".*", "value")) for template in templates()]
    assert [fix for fix in map(neutral, fixes) if PYTHON.search(fix)] == []
