"""How often the library parses one input on its way from the args to the registered resources."""

import pulumi
import pytest

import eks_identity as eks
from eks_identity.model.arns import Principal
from support.component_program import ACCOUNT, deploy

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"


@pytest.fixture
def parsed(monkeypatch):
    """The ARNs that `Principal.parse` was called with."""
    arns = []
    parse = Principal.parse.__func__

    def counted(cls, text):
        arns.append(text)
        return parse(cls, text)

    monkeypatch.setattr(Principal, "parse", classmethod(counted))
    return arns


def declare(connection, **args):
    def program():
        options = pulumi.ResourceOptions(providers=[eks_provider(connection)])
        principal = {"arn": USER, "groups": ["viewers"], "username": "ope"}
        eks.ClusterAccess("ops", {"cluster": connection, "principals": [principal], "group": "ops", **args}, options)

    return program


def eks_provider(connection):
    import pulumi_kubernetes as k8s  # noqa: PLC0415 - as a program imports it

    return k8s.Provider("clu", kubeconfig=connection["kubeconfig"])


@pytest.mark.parametrize("preview", [True, False])
def test_cluster_access_parses_the_arn_of_a_principal_once(connection, parsed, preview):
    """For its access entry, an access policy, a bound role and the lockout guard together."""
    policies = [{"policy": "AmazonEKSViewPolicy"}]
    deploy(declare(connection, access_policies=policies, rbac_roles=[{"name": "view"}]), preview=preview)
    assert parsed == [USER]


@pytest.mark.parametrize(("args", "count"), [({"adopt": True}, 2), ({"access_method": "aws-auth"}, 2)], ids=str)
def test_a_dynamic_resource_parses_the_arn_once_more(connection, parsed, args, count):
    """An adopted entry and an aws-auth mapping parse it as their own input; so do their providers, elsewhere."""
    deploy(declare(connection, **args))
    assert parsed == [USER] * count


def test_a_principal_of_an_output_is_parsed_once(connection, parsed):
    """The Output of a role of the program, resolved in the update."""

    def program():
        args = {"cluster": connection, "principals": [{"arn": pulumi.Output.from_input(USER)}], "group": "ops"}
        eks.ClusterAccess("ops", args)

    deploy(program)
    assert parsed == [USER]
