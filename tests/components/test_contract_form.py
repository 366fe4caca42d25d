"""Contract of every component: type token, children, constructor, descriptions."""

import ast
import functools
import inspect
import pickle
import re
import typing
from pathlib import Path

import pulumi
import pulumi.dynamic
import pytest

import eks_identity as eks
from eks_identity.plugin.schema import PluginAnalyzer
from support.component_contract import children, declare, each_component, each_sample, own, sample
from support.sample_args import COMPONENTS, SAMPLES, keys, places, shape_of

PACKAGE = Path(eks.__file__).parent


@each_sample
def test_tokens_parents_and_names(name, index):
    """A component has the token of its class, and is the parent of its resources and a prefix of their names."""
    deployment = declare(name, sample(name, index))
    token = f"eks-identity:index:{name}"
    itself = own(deployment, name)
    if issubclass(COMPONENTS[name], pulumi.ComponentResource):
        assert itself.type == token
    else:
        assert itself.type == f"pulumi-python:dynamic/eks-identity:{name}"
    assert itself.name == "thing"
    family = {itself.urn}
    for child in children(deployment, name):
        assert child.request.parent in family, child.name
        assert child.name.startswith("thing")
        family.add(child.urn)
    assert len({(each.type, each.name) for each in deployment.resources}) == len(deployment.resources)


@each_component
def test_samples_hold_every_key(name):
    """Each key of the args, nested keys included, is in a sample, so that the other contract tests cover it."""
    sample(name, 0)
    missing = [path for path, _ in keys(shape_of(COMPONENTS[name])) if not any(places(s, path) for s in SAMPLES[name])]
    assert not missing, f"tests/support/sample_args.py has no sample of {name} with {missing}"


@each_component
def test_constructors_have_one_signature(name):
    """The constructor takes args as a TypedDict or as keyword arguments; class, args and outputs have a description."""
    component = COMPONENTS[name]
    assert list(inspect.signature(component.__init__).parameters) == ["self", "resource_name", "args", "opts", "kwargs"]
    mapping, keywords = (inspect.signature(each) for each in typing.get_overloads(component.__init__))
    assert list(mapping.parameters) == ["self", "resource_name", "args", "opts"]
    assert list(keywords.parameters) == ["self", "resource_name", "opts", "kwargs"]
    assert keywords.parameters["kwargs"].annotation == typing.Unpack[shape_of(component)]
    assert component.__doc__
    assert typing.is_typeddict(shape_of(component))
    assert shape_of(component).__name__ == f"{name}Args"


@pytest.mark.parametrize("name", ["AwsAuthMapping", "ClusterAccess"])
def test_dynamic_resource_restores_the_pickler(name):
    """The SDK wraps two methods of pickle for each resource: 900 in a program would be a RecursionError."""
    before = dict(vars(pickle._Pickler))
    declare(name, sample(name, 0))
    assert dict(vars(pickle._Pickler)) == before


def test_analyzer_accepts_every_component():
    """Pulumi's analyzer, with the plugin's enums, accepts args and outputs of every component."""
    hosted = [
        component
        for component in COMPONENTS.values()
        if issubclass(component, pulumi.ComponentResource) and component is not eks.Cluster
    ]
    found = PluginAnalyzer("eks-identity").analyze(hosted)["component_definitions"]
    assert set(found) == {component.__name__ for component in hosted}


def test_annotations_are_not_strings():
    """Pulumi reads annotations of components and args at run time, so no module converts them to strings."""
    for component in COMPONENTS.values():
        for thing in (component, shape_of(component)):
            assert "from __future__ import annotations" not in Path(inspect.getfile(thing)).read_text()


def test_exports_exist_and_are_sorted():
    """The exports of the package exist, are sorted, and none is private."""
    assert eks.__all__ == sorted(eks.__all__)
    for name in eks.__all__:
        assert getattr(eks, name).__name__ == name
    with pytest.raises(AttributeError, match="Nonsense"):
        eks.Nonsense  # noqa: B018 - the look-up is the test


@functools.cache
def classes():
    """Return the syntax tree of every class of the package by name."""
    sources = [ast.parse(source.read_text()) for source in PACKAGE.rglob("*.py")]
    return {node.name: node for source in sources for node in ast.walk(source) if isinstance(node, ast.ClassDef)}


def described(name):
    """Return the string below each annotated name of a class and its bases, None if there is none."""
    found = {}
    node = classes()[name]
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes():
            found |= described(base.id)
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        if (
            isinstance(item, ast.AnnAssign)
            and isinstance(item.target, ast.Name)
            and "ClassVar" not in ast.unparse(item.annotation)
        ):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            found[item.target.id] = after.value.value if is_text else None
    return found


def shapes():
    """Return every TypedDict in the args of a component by name."""
    found = {}

    def add(shape):
        if shape.__name__ not in found:
            found[shape.__name__] = shape
            for _, annotation in keys(shape):
                if typing.is_typeddict(annotation):
                    add(annotation)

    for component in COMPONENTS.values():
        add(shape_of(component))
    return found


@pytest.mark.parametrize("shape", sorted(shapes()))
def test_every_key_is_described(shape):
    """Each key of each args has a description, which the documentation of other languages shows."""
    texts = described(shape)
    assert set(texts) == set(inspect.get_annotations(shapes()[shape]))
    assert [key for key, text in texts.items() if not text] == []
    for text in texts.values():
        assert re.match(r"[A-Z`(\[{]", text), text


LIMITS = {
    ("RoleSettings", "role_name"): "64",
    ("RoleSettings", "role_name_prefix"): "38",
    ("RoleSettings", "path"): "512",
    ("RoleSettings", "max_session_duration"): "3,600 .* 43,200",
    ("RoleSettings", "description"): "1,000",
    ("RoleSettings", "policies"): "10, 20",
    ("RoleSettings", "inline_policies"): "10,240",
    ("RoleSettings", "raised_quotas"): "4,096",
    ("RoleSettings", "tags"): "50",
    ("IrsaRoleArgs", "oidc_provider_arns_by_role"): "2,048",
    ("ChainedRoleArgs", "external_id"): "2 to 1,224",
    ("ServiceAccountSettings", "token_expiration"): "600 to 86,400",
    ("ServiceAccountArgs", "namespace"): "63",
    ("ServiceAccountArgs", "name"): "253",
    ("NodeIsolationArgs", "disk_size"): "1 to 16,384",
}


@pytest.mark.parametrize(("key", "limit"), LIMITS.items(), ids=[".".join(key) for key in LIMITS])
def test_limits_are_described(key, limit):
    """A limit of AWS or Kubernetes is in the description of its input."""
    owner, name = key
    assert re.search(limit, " ".join(described(owner)[name].split()))


@each_component
def test_every_output_is_described_or_named_like_an_input(name):
    """An output has a description, or the name and meaning of an input."""
    texts = described(name)
    plain = {"arn", "endpoint", "region", "account_id", "partition", "name", "namespace", "username", "groups", "tags"}
    named = {path[0] for path, _ in keys(shape_of(COMPONENTS[name]))} | plain | {"role_name", "role_arn"}
    assert texts
    assert [key for key, text in texts.items() if not text and key not in named] == []
