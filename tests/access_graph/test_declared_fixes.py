"""A fix of an object that a stack declares names the resource of the program: an update undoes a change by hand."""

import json

import pytest

from support.eks_access_command import run
from support.pulumi_stacks import cluster, export, manifest, resource, urn

ROLE_ARN = "arn:aws:iam::123456789012:role/app"
USER, OTHER = (f"arn:aws:iam::123456789012:user/{name}" for name in ("eks-ope", "other"))
COMPONENT = urn("eks-identity:index:ClusterAccess", "eks-ope")
STACK = urn("pulumi:pulumi:Stack", "shop-dev")
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def fixes(tmp_path):
    """The fixes of a command asked about a state, by subject."""

    def ask(resources, *arguments):
        state = tmp_path / "state.json"
        state.write_text(json.dumps(export(*resources)))
        answer = json.loads(run(*arguments, "--source", state, "--json").stdout)
        links = answer.get("trace", {}).get("links", ())
        findings = [link["finding"] for link in links if "finding" in link]
        findings += answer.get("mappings", {}).get("findings", ())
        return {finding["subject"]: finding["fix"] for finding in findings}

    return ask


def test_fix_of_a_mapping_names_the_component_that_declares_it(fixes):
    values = {"arn": USER, "username": "eks-ope", "groups": ["operators"]}
    entries = (
        resource("aws:eks/accessEntry:AccessEntry", arn[-5:], {"clusterName": "eks-clu", "principalArn": arn})
        for arn in (USER, OTHER)
    )
    users = [
        resource("aws:iam/user:User", arn[-5:], {"name": arn.rpartition("/")[2], "path": "/"}, {"arn": arn})
        for arn in (USER, OTHER)
    ]
    data = {"mapUsers": f"- userarn: {OTHER}\n  username: other\n  groups: []\n"}
    found = fixes(
        [
            cluster(),
            *users,
            *entries,
            manifest("core/v1:ConfigMap", "aws-auth", "kube-system", data=data),
            resource("pulumi-python:dynamic/eks-identity:AwsAuthMapping", "eks-ope", values, parent=COMPONENT),
        ],
        "list",
    )
    mapping = "pulumi-python:dynamic/eks-identity:AwsAuthMapping eks-ope of eks-identity:index:ClusterAccess eks-ope"
    assert {subject: fix["advice"] for subject, fix in found.items() if "aws-auth" in subject} == {
        "mapUsers[0] of ConfigMap kube-system/aws-auth": (
            "correct kubernetes:core/v1:ConfigMap aws-auth in the program, and run `pulumi up`"
        ),
        "mapUsers[1] of ConfigMap kube-system/aws-auth": f"correct {mapping} in the program, and run `pulumi up`",
    }
    entry = found[f"access entry of {USER}"]["advice"]
    assert entry.startswith("correct aws:eks/accessEntry:AccessEntry ")


@pytest.mark.parametrize("is_declared", [True, False])
def test_fix_of_a_trust_policy_names_the_role_that_the_stack_declares(fixes, is_declared):
    association = {"clusterName": "eks-clu", "namespace": "default", "serviceAccount": "app", "roleArn": ROLE_ARN}
    role = {"name": "app", "path": "/", "assumeRolePolicy": json.dumps({"Statement": [TRUST]})}
    members = {"parent": STACK, "external": not is_declared}
    found = fixes(
        [
            cluster(),
            resource("aws:iam/role:Role", "app", role, {**role, "arn": ROLE_ARN}, **members),
            resource("aws:eks/podIdentityAssociation:PodIdentityAssociation", "p", association, {"associationId": "a"}),
            resource("aws:eks/addon:Addon", "agent", {"addonName": "eks-pod-identity-agent", "clusterName": "eks-clu"}),
            manifest("core/v1:ServiceAccount", "app"),
        ],
        "trace",
        "serviceaccount",
        "default/app",
    )
    fix = found[f"trust policy of {ROLE_ARN}"]
    if is_declared:
        assert fix["advice"] == "correct aws:iam/role:Role app in the program, and run `pulumi up`"
    else:
        assert fix["commands"][0][:3] == ["aws", "iam", "update-assume-role-policy"]
