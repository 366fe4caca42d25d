"""What holds for every component at once, whatever it declares."""

import inspect
import re
import typing
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi_program import ACCOUNT, ISSUER, Cloud, deploy, provider_arn

import eks_identity as eks

PACKAGE = Path(eks.__file__).parent
COMPONENTS = [
    value
    for name in eks.__all__
    if inspect.isclass(value := getattr(eks, name)) and issubclass(value, pulumi.ComponentResource)
]


def arguments(component, connection):
    account = {"namespace": "default", "name": "my-sa"}
    role = {"name": "r", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
    user = {"arn": f"arn:aws:iam::{ACCOUNT}:user/eks-ope"}
    return {
        eks.Cluster: {"name": "eks-clu"},
        eks.ClusterAccess: {"cluster": connection, "group": "g", "role": role, "principals": [user], "via": "aws-auth"},
        eks.IrsaRole: {"oidc_provider_arns": [provider_arn()], "subjects": [account], "policies": ["ReadOnlyAccess"]},
        eks.OidcProvider: {"issuer": ISSUER},
        eks.ServiceAccount: account,
        eks.WorkloadIdentity: {
            "cluster": connection,
            "namespace": "default",
            "service_account": "my-sa",
            "oidc_provider_arn": provider_arn(),
            "policies": ["ReadOnlyAccess"],
        },
    }[component]


def declared(component, connection, **options):
    def program():
        provider = k8s.Provider("k8s", kubeconfig="{}")
        opts = pulumi.ResourceOptions(providers=[provider], **options)
        component("thing", arguments(component, connection), opts)

    return deploy(program, cloud=Cloud())


@pytest.mark.parametrize("component", COMPONENTS)
def test_tokens_and_parents(component, connection):
    """Each component has the token of its class, and is the parent of all that it registers."""
    deployment = declared(component, connection)
    token = f"eks-identity:index:{component.__name__}"
    own = deployment.one(token)
    assert own.name == "thing"
    children = [resource for resource in deployment.resources if resource is not own and resource.name != "k8s"]
    assert children
    for child in children:
        assert child.request.parent.endswith(f"{token}::thing")
        assert child.name.startswith("thing")


@pytest.mark.parametrize("component", COMPONENTS)
def test_options_reach_the_component_and_its_children(component, connection):
    """protect, aliases and providers are passed on."""
    deployment = declared(component, connection, protect=True, aliases=[pulumi.Alias(name="before")])
    own = deployment.one(f"eks-identity:index:{component.__name__}")
    assert own.request.protect
    assert own.request.aliases[0].spec.name == "before"
    for resource in deployment.resources:
        if resource.name != "k8s":
            assert resource.request.protect
        if resource.type.startswith("kubernetes:"):
            assert "::k8s::" in resource.request.provider


@pytest.mark.parametrize("component", COMPONENTS)
def test_constructors_are_all_alike(component):
    """(name, args, opts), with args a TypedDict whose every key is described, as other languages' schema needs."""
    parameters = list(inspect.signature(component.__init__).parameters)
    assert parameters == ["self", "name", "args", "opts"]
    assert component.__doc__
    arg = inspect.get_annotations(component.__init__)["args"]
    assert typing.is_typeddict(arg)
    assert arg.__doc__


def test_every_language_can_have_them():
    """Pulumi's own analyzer of hosted components takes args and outputs of every component."""
    analyzer = Analyzer("eks-identity")
    hosted = [component for component in COMPONENTS if component is not eks.Cluster]
    assert set(analyzer.analyze(hosted)["component_definitions"]) == {component.__name__ for component in hosted}


def test_no_partition_is_written_by_hand():
    """No ARN in the package begins with a partition's name."""
    for source in PACKAGE.rglob("*.py"):
        assert not re.search(r"[\"'f]arn:aws", source.read_text()), source


def test_annotations_stay_alive():
    """Pulumi reads the annotations of components and args while it runs, so no module turns them to text."""
    for component in COMPONENTS:
        source = Path(inspect.getfile(component)).read_text()
        assert "from __future__ import annotations" not in source


def test_the_public_names():
    """What the package exports is there, sorted, and nothing of it is private."""
    assert eks.__all__ == sorted(eks.__all__)
    for name in eks.__all__:
        assert getattr(eks, name).__name__ == name
    with pytest.raises(AttributeError, match="Nonsense"):
        eks.Nonsense  # noqa: B018 - the look-up is the test
