"""Fixes of errors that a whole program makes: two declarations of one object, and names of components."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, ISSUER, deploy, kubeconfig, provider_arn
from support.sample_args import CONNECTION, SUBJECT

USER = f"arn:aws:iam::{ACCOUNT}:user/ope"


def fixes_of(program):
    """Return the fixes of a program's errors at preview."""
    try:
        deploy(program, preview=True)
    except InvalidInputError as error:
        return [problem.fix for problem in error.problems]
    return []


def declarations(component, **by_name):
    """Return a program that declares `component` once for each name and its arguments."""

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("k8s", kubeconfig=kubeconfig())])
        for name, args in by_name.items():
            component(name, args, options)

    return program


MAPPING = {"kubeconfig": kubeconfig(), "arn": USER, "groups": ["operators"]}
LOOKER = {"name": "looker", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
ACCESS = {"cluster": CONNECTION, "group": "operators", "principals": [], "rbac_roles": [LOOKER]}
WORKLOAD = {"cluster": CONNECTION, "namespace": "shop", "service_account": "cart", "mode": "pod-identity"}
TWICE = {
    "aws-auth mapping": (
        eks.AwsAuthMapping,
        MAPPING,
        {**MAPPING, "arn": f"{USER}-2"},
        'remove it from AwsAuthMapping "one" or from AwsAuthMapping "two"',
    ),
    "service account": (
        eks.WorkloadIdentity,
        WORKLOAD,
        {**WORKLOAD, "service_account": "till"},
        'remove it from WorkloadIdentity "one" or from WorkloadIdentity "two"',
    ),
    "RBAC role": (
        eks.ClusterAccess,
        ACCESS,
        {**ACCESS, "rbac_roles": [{**LOOKER, "name": "watcher"}]},
        'set another name, or remove it from ClusterAccess "one" or from ClusterAccess "two"',
    ),
    "RBAC role in one of two declarations": (
        eks.ClusterAccess,
        ACCESS,
        {**ACCESS, "rbac_roles": [{"name": "view"}]},
        'set another name, or remove it from ClusterAccess "one" or from ClusterAccess "two"',
    ),
}


@pytest.mark.parametrize(("component", "args", "other", "fix"), TWICE.values(), ids=list(TWICE))
def test_fix_for_an_object_in_two_declarations_works(component, args, other, fix):
    """The fix names both declarations; the object can be removed from either."""
    found = fixes_of(declarations(component, one=args, two=args))
    assert fix in found
    assert set(found) == {fix}
    assert fixes_of(declarations(component, one=args, two=other)) == []
    assert fixes_of(declarations(component, one=other, two=args)) == []


def test_fix_for_two_oidc_providers_of_an_issuer_works():
    """The second declaration is removed, and its users trust the first one's ARN."""

    def two():
        eks.OidcProvider("one", {"issuer": ISSUER})
        eks.OidcProvider("two", {"issuer": ISSUER})

    def one():
        provider = eks.OidcProvider("one", {"issuer": ISSUER})
        return eks.IrsaRole("cart", {"oidc_provider_arns": [provider.arn], "subjects": [SUBJECT]}).trust_policy

    assert fixes_of(two) == ['remove it, and use that of OidcProvider "one"']
    assert fixes_of(one) == []
    assert provider_arn() in deploy(one).value


ROLE = {"oidc_provider_arns": [provider_arn()], "subjects": [SUBJECT]}
LONG = "a-component-of-a-name-that-is-much-too-long-for-a-role-of-iam"


@pytest.mark.parametrize(
    ("name", "fix", "followed"),
    [
        (LONG, "set role_name, or give the component a shorter name", {LONG: {**ROLE, "role_name": "cart"}}),
        (LONG, "set role_name, or give the component a shorter name", {"cart": ROLE}),
        ("shop/cart", "set role_name", {"shop/cart": {**ROLE, "role_name": "cart"}}),
    ],
)
def test_fix_for_a_component_name_that_is_no_role_name_works(name, fix, followed):
    """IAM rejects the component's name as the role's: the role gets another one, or the component does."""
    assert fixes_of(declarations(eks.IrsaRole, **{name: ROLE})) == [fix]
    assert fixes_of(declarations(eks.IrsaRole, **followed)) == []
