"""The two call styles of components, and what they accept as `cluster`."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
import pytest

from eks_identity import AccessMethod, AuthenticationModeMigration, Cluster, ClusterAccess
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, deploy, kubeconfig
from support.type_checking import lines_without_errors

REPOSITORY = Path(__file__).resolve().parents[2]
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
INPUTS = {"principals": [{"arn": USER}], "group": "operators", "rbac_roles": [{"name": "view"}]}


def registered(program):
    """Type, name and inputs of what a program registers, except for its providers."""
    resources = deploy(program, preview=True).resources
    return [(each.type, each.name, each.inputs) for each in resources if not each.type.startswith("pulumi:")]


def test_both_call_styles_register_the_same_resources():
    """Args as one mapping, and args as keyword arguments."""

    def mapping():
        cluster = Cluster("main", {"name": "eks-clu"})
        opts = pulumi.ResourceOptions(providers=[cluster.provider])
        ClusterAccess("operators", {"cluster": cluster.connection, **INPUTS}, opts)

    def keywords():
        ClusterAccess("operators", cluster=Cluster("main", name="eks-clu"), **INPUTS)

    assert registered(mapping) == registered(keywords)


def test_cluster_provides_its_kubernetes_provider():
    """A binding is created by the provider of the `Cluster` that is passed as cluster."""

    def program():
        ClusterAccess("operators", cluster=Cluster("main", name="eks-clu"), **INPUTS)

    binding = deploy(program, preview=True).one(BINDING)
    assert "::main::" in binding.request.provider


def test_provider_of_the_options_takes_precedence_over_the_clusters():
    """The program passes another kubernetes provider of the same cluster."""

    def program():
        own = k8s.Provider("own", kubeconfig=kubeconfig())
        opts = pulumi.ResourceOptions(providers=[own])
        ClusterAccess("operators", cluster=Cluster("main", name="eks-clu"), **INPUTS, opts=opts)

    binding = deploy(program, preview=True).one(BINDING)
    assert "::own::" in binding.request.provider


def test_resource_of_the_library_accepts_keyword_arguments_and_a_cluster():
    """A migration of the authentication mode has the same inputs in both call styles."""

    def declared(program):
        (resource,) = [each for each in registered(program) if each[0].endswith("AuthenticationModeMigration")]
        return resource

    def mapping():
        cluster = Cluster("main", {"name": "eks-clu"})
        AuthenticationModeMigration("mode", {"cluster": cluster.connection, "target_mode": "API"})

    def keywords():
        AuthenticationModeMigration("mode", cluster=Cluster("main", name="eks-clu"), target_mode="API")

    assert declared(mapping) == declared(keywords)


def test_mapping_and_keyword_arguments_together_are_rejected(connection):
    """The error names the keyword arguments; with them in the mapping there is no error."""
    with pytest.raises(InvalidInputError, match="move group into the mapping"):
        deploy(lambda: ClusterAccess("operators", {"cluster": connection, "principals": []}, group="x"), preview=True)
    deploy(lambda: ClusterAccess("operators", {"cluster": connection, "principals": [], "group": "x"}), preview=True)


def test_missing_arguments_are_reported_as_with_a_mapping():
    """A call without any argument names all that must be set."""
    with pytest.raises(InvalidInputError, match=r"cluster: None\n +rule: must be set(.|\n)*principals"):
        deploy(lambda: ClusterAccess("operators"), preview=True, cloud=Cloud())


@pytest.mark.parametrize("method", [AccessMethod.AWS_AUTH, "aws-auth"], ids=["enum", "literal"])
def test_choice_is_an_enum_or_its_value(connection, method):
    """Both declare a mapping in aws-auth."""
    access = {"cluster": connection, "principals": [{"arn": USER}], "group": "ops", "access_method": method}
    deployment = deploy(lambda: ClusterAccess("operators", access), preview=True)
    assert [each for each in deployment.resources if each.type.endswith("AwsAuthMapping")]


PROGRAM = """
from eks_identity import AccessMethod, AuthenticationModeMigration, Cluster, ClusterAccess

cluster = Cluster("main", name="eks-clu")
ClusterAccess("a", cluster=cluster, principals=[{"arn": "arn:aws:iam::111122223333:user/a"}], group="ops")
ClusterAccess("b", {"cluster": cluster.connection, "principals": [], "access_method": AccessMethod.BOTH})
ClusterAccess("c", cluster=cluster, principals=[], access_method="both", type="EC2_LINUX")
"""
WRONG = {
    "misspelt argument": 'ClusterAccess("d", cluster=cluster, principals=[], acces_method="both")',
    "misspelt choice": 'ClusterAccess("d", cluster=cluster, principals=[], access_method="aws_auth")',
    "misspelt nested key": 'ClusterAccess("d", cluster=cluster, principals=[{"arm": "x"}])',
    "missing argument": 'ClusterAccess("d", cluster=cluster)',
    "misspelt key of a mapping": 'ClusterAccess("d", {"cluster": cluster, "principals": [], "grup": "x"})',
}


def test_type_checker_finds_wrong_arguments_in_both_call_styles(tmp_path):
    """mypy accepts a right program, and reports each wrong line of another one."""
    assert lines_without_errors(PROGRAM, WRONG, tmp_path) == []
