"""Logical names of children follow the object in AWS or Kubernetes: no edit of a program removes a declared object."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, deploy

ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ENTRY = "aws:eks/accessEntry:AccessEntry"
POLICY_ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
ACCOUNTS = (ACCOUNT, "444455556666")
UNKNOWN = pulumi.output.UNKNOWN


@dataclass(frozen=True)
class Item:
    """A thing by its name and account, and the form in which a program writes it."""

    name: str
    account: str
    form: str

    def written(self, arn):
        """`arn` as the program has it: plain, or an Output of one kind or another."""
        return {
            "plain": lambda: arn,
            "output": lambda: pulumi.Output.from_input(arn),
            "applied": lambda: pulumi.Output.from_input(arn).apply(str),
            "formatted": lambda: pulumi.Output.concat(arn.rpartition("/")[0], "/", arn.rpartition("/")[2]),
        }[self.form]()


FORMS = ("plain", "output", "applied", "formatted")


def things(names):
    """Return a strategy for lists of different objects, each in any form."""
    item = st.builds(Item, st.sampled_from(names), st.sampled_from(ACCOUNTS), st.sampled_from(FORMS))
    return st.lists(item, max_size=5, unique_by=lambda one: (one.name, one.account))


def program(connection, policies, principals, accounts):
    def declare():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig="{}")])
        first, *more = [{"namespace": one.written(one.account), "name": one.written(one.name)} for one in accounts]
        eks.WorkloadIdentity(
            "w",
            {
                "cluster": connection,
                "namespace": first["namespace"],
                "service_account": first["name"],
                "more_service_accounts": more,
                "mode": "pod-identity",
                "policies": [one.written(f"arn:aws:iam::{one.account}:policy/team/{one.name}") for one in policies],
            },
            options,
        )
        entered = [{"arn": one.written(f"arn:aws:iam::{one.account}:{one.name}")} for one in principals]
        eks.ClusterAccess(
            "a",
            {"cluster": connection, "access_policies": [{"policy": "AmazonEKSViewPolicy"}], "principals": entered},
            options,
        )

    return declare


EFFECTS = {
    ATTACHMENT: ("policyArn",),
    ENTRY: ("principalArn",),
    POLICY_ASSOCIATION: ("principalArn", "policyArn"),
    POD_ASSOCIATION: ("namespace", "serviceAccount"),
}
"""The effect of each resource in AWS. Creating it twice is one effect, and deleting one of two removes it."""


def effects(deployment):
    """Return the effect of each resource by its URN."""
    found = {
        one.urn: (one.type, *(one.inputs[key] for key in EFFECTS[one.type]))
        for one in deployment.resources
        if one.type in EFFECTS
    }
    accounts = deployment.of(SERVICE_ACCOUNT)
    return found | {
        one.urn: (one.type, one.inputs["metadata"]["namespace"], one.inputs["metadata"]["name"]) for one in accounts
    }


def updated(there, before, after):
    """Return the existing objects after an update. The engine creates first and deletes last."""
    there = set(there)
    there |= {effect for urn, effect in after.items() if before.get(urn) != effect}
    replaced = {effect for urn, effect in before.items() if urn in after and after[urn] != effect}
    gone = {effect for urn, effect in before.items() if urn not in after}
    return there - replaced - gone


POLICIES = ("read", "write", "queue")
PRINCIPALS = ("user/ann", "user/team/bob", "role/ann", "role/team/ops")
NAMES = ("default", "cart", "till")


def service_accounts():
    item = st.builds(Item, st.sampled_from(NAMES), st.sampled_from(("default", "shop")), st.sampled_from(FORMS[:3]))
    return st.lists(item, min_size=1, max_size=4, unique_by=lambda one: (one.name, one.account))


SCENES = st.lists(
    st.tuples(things(POLICIES), things(PRINCIPALS).filter(bool), service_accounts()), min_size=2, max_size=4
)


@settings(max_examples=25)
@given(scenes=SCENES)
def test_child_names_keep_declared_objects_through_random_edits(scenes):
    """After each edit of the lists, AWS has exactly the declared objects, and a second update changes nothing."""
    connection = {
        "name": "eks-clu",
        "arn": f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/eks-clu",
        "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
        "certificate_authority": "Y2VydGlmaWNhdGU=",
        "issuer": "https://oidc.eks.ap-northeast-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "region": "ap-northeast-1",
        "account_id": ACCOUNT,
        "partition": "aws",
        "authentication_mode": "API",
        "kubeconfig": eks_kubeconfig(),
    }
    there, before = set(), {}
    for policies, principals, accounts in scenes:
        after = effects(deploy(program(connection, policies, principals, accounts)))
        remaining = set(before.values()) & set(after.values())
        assert {before[urn] for urn in before if urn not in after} & set(after.values()) == set(), (
            "deleted and declared"
        )
        there = updated(there, before, after)
        assert there == set(after.values())
        assert remaining <= there
        again = effects(deploy(program(connection, policies, principals, accounts)))
        assert again == after
        assert len([one for one in after.values() if one[0] == ATTACHMENT]) == len(policies)
        before = after


def eks_kubeconfig():
    server = "https://example.gr7.ap-northeast-1.eks.amazonaws.com"
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "current-context": "c",
        }
    )


def role(**args):
    return eks.PodIdentityRole("r", args)


def test_policy_as_literal_and_as_output_have_one_logical_name():
    """A policy as a literal ARN and as the Output of its resource is the same attachment."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/read"
    policy = {"policy": "{}", "name": "read"}
    literal = deploy(lambda: role(policies=[arn])).of(ATTACHMENT)
    output = deploy(lambda: role(policies=[aws.iam.Policy("anything", **policy).arn])).of(ATTACHMENT)
    assert [one.urn for one in literal] == [one.urn for one in output]
    assert [one.name for one in literal] == [f"r-{ACCOUNT}-read"]


def test_policies_of_one_name_in_two_accounts_have_two_logical_names():
    """Adding the second policy does not rename the first one."""
    one, other = (f"arn:aws:iam::{account}:policy/read" for account in ACCOUNTS)
    (alone,) = deploy(lambda: role(policies=[one])).of(ATTACHMENT)
    both = deploy(lambda: role(policies=[other, one])).of(ATTACHMENT)
    assert alone.urn in {each.urn for each in both}
    assert len({each.urn for each in both}) == 2


def test_policy_by_two_outputs_is_attached_once_and_reported(monkeypatch):
    """Two Outputs of the same policy are one attachment: the engine rejects two resources of one name."""
    warnings = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: warnings.append(message))
    arn = f"arn:aws:iam::{ACCOUNT}:policy/read"
    deployment = deploy(lambda: role(policies=[pulumi.Output.from_input(arn), pulumi.Output.from_input(arn)]))
    assert len(deployment.of(ATTACHMENT)) == 1
    assert warnings == ['PodIdentityRole "r": policies[1] is the same policy as policies[0], and is attached once']


def test_preview_shows_children_of_unknown_values_by_their_input():
    """A new policy has no ARN in a preview, and the preview shows its attachment."""
    later = UNKNOWN

    def declare():
        return role(policies=["AmazonS3ReadOnlyAccess", pulumi.Output.from_input(later)])

    names = [one.name for one in deploy(declare, preview=True).of(ATTACHMENT)]
    assert sorted(names) == ["r-AmazonS3ReadOnlyAccess", "r-policies[1]"]


@pytest.mark.parametrize("resolved", [True, False])
def test_secret_in_a_logical_name_is_rejected(resolved):
    """Pulumi shows logical names; the validation error says how to pass the value."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/hidden-thing"
    value = arn if resolved else UNKNOWN
    with pytest.raises(InvalidInputError, match="must not be a secret") as refusal:
        deploy(lambda: role(policies=[pulumi.Output.secret(value)]), preview=True)
    assert "hidden-thing" not in str(refusal.value)
    deploy(lambda: role(policies=[pulumi.Output.unsecret(pulumi.Output.secret(arn))]), preview=True)


IN_AN_ARN = {
    "role_name": lambda value: eks.PodIdentityRole("r", {"role_name": value}),
    "role_name_prefix": lambda value: eks.ChainedRole(
        "r", {"role_name_prefix": value, "trusted_role_arns": [f"arn:aws:iam::{ACCOUNT}:role/other"]}
    ),
    "path": lambda value: eks.PodIdentityRole("r", {"path": pulumi.Output.concat("/", value, "/")}),
    "issuer": lambda value: eks.OidcProvider("p", {"issuer": pulumi.Output.concat("https://", value, ".dev")}),
    "role_settings.path": lambda value: eks.Cluster(
        "c", {"create": {}, "role_settings": {"path": pulumi.Output.concat("/", value, "/")}}
    ),
    "role_settings.role_name_prefix": lambda value: eks.Cluster(
        "c", {"create": {}, "role_settings": {"role_name_prefix": value}}
    ),
    "name": lambda value: eks.Cluster("c", {"create": {}, "name": value}),
}
"""Components by the input that becomes part of an ARN."""


@pytest.mark.parametrize("resolved", [True, False])
@pytest.mark.parametrize("field", IN_AN_ARN)
def test_secret_in_an_arn_is_rejected(field, resolved):
    """Ids and ARNs are unencrypted in the state; the validation error says how to pass the value."""
    value = "hidden-thing" if resolved else UNKNOWN
    with pytest.raises(InvalidInputError, match="must not be a secret") as refusal:
        deploy(lambda: IN_AN_ARN[field](pulumi.Output.secret(value)), preview=True)
    (problem,) = refusal.value.problems
    assert problem.input == field
    assert "hidden-thing" not in str(refusal.value)
    deploy(lambda: IN_AN_ARN[field](pulumi.Output.unsecret(pulumi.Output.secret("hidden-thing"))), preview=True)


def test_dependents_wait_for_children_of_outputs():
    """A dependency on a role includes the attachment of an Output, which is registered later."""

    def declare():
        made = role(policies=[pulumi.Output.from_input(f"arn:aws:iam::{ACCOUNT}:policy/read")])
        aws.s3.Bucket("after", opts=pulumi.ResourceOptions(depends_on=[made]))

    deployment = deploy(declare, cloud=Cloud())
    (bucket,) = (one for one in deployment.resources if one.name == "after")
    (attachment,) = deployment.of(ATTACHMENT)
    assert attachment.urn in bucket.request.dependencies
