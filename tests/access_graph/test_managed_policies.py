"""AWS-managed policies, whose documents a stack does not have, are those that eks-access ships."""

import gzip
import json
import runpy
from pathlib import Path

import pytest

from eks_access.catalogue.managed_policies import managed_policy
from eks_access.graph.tables import NotReadError
from eks_access.questions.diff import diff
from eks_access.sources.snapshot import graph_of, take_snapshot
from support.eks_access_command import run
from support.pulumi_stacks import cluster, export, graph, manifest, resource

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ROLE_ARN = "arn:aws:iam::123456789012:role/app"
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ]
}
REMARK = "AmazonS3ReadOnlyAccess: the document is that of"


def stack(*attached, **inputs):
    """The resources of a stack whose service account test-sa has a role with these managed policies."""
    role = {"name": "app", "path": "/", "assumeRolePolicy": json.dumps(TRUST), **inputs}
    attachments = [
        resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", f"a-{index}", {"role": "app", "policyArn": each})
        for index, each in enumerate(attached)
    ]
    association = {"clusterName": "eks-clu", "namespace": "default", "serviceAccount": "test-sa", "roleArn": ROLE_ARN}
    return (
        cluster(),
        resource("aws:iam/role:Role", "app", role, {"arn": ROLE_ARN}),
        *attachments,
        resource("aws:eks/podIdentityAssociation:PodIdentityAssociation", "p", association, {"associationId": "a-1"}),
        resource("aws:eks/addon:Addon", "agent", {"addonName": "eks-pod-identity-agent", "clusterName": "eks-clu"}),
        manifest("core/v1:ServiceAccount", "test-sa"),
    )


def test_diff_of_two_states_says_what_a_removed_managed_policy_allowed():
    before, after = graph(*stack(READ_ONLY)), graph(*stack())
    (change,) = diff(before, after).changes
    (sentence,) = change.sentences()
    assert sentence.startswith("service account default/test-sa loses ")
    assert "s3:Get*" in sentence
    assert "s3:List*" in sentence
    assert [remark.partition(" 2")[0] for remark in before.remarks()] == [REMARK]
    assert after.remarks() == []


def test_boundary_of_a_stack_is_a_managed_policy_too():
    found = graph(*stack(permissionsBoundary=READ_ONLY))
    assert found.policies.get(READ_ONLY) == managed_policy(READ_ONLY)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess",
        "arn:aws:iam::123456789012:policy/AmazonS3ReadOnlyAccess",
    ],
)
def test_other_managed_policies_are_not_read(arn):
    with pytest.raises(NotReadError):
        graph(*stack(arn)).policies.get(arn)


def test_snapshot_of_a_state_keeps_the_remark():
    found = graph_of(take_snapshot(graph(*stack(READ_ONLY))))
    assert found.remarks() == []
    assert found.policies.get(READ_ONLY) == managed_policy(READ_ONLY)
    assert REMARK in found.remarks()[0]


def test_command_shows_the_date_of_a_document_that_decides(tmp_path):
    state = tmp_path / "state.json"
    state.write_text(json.dumps(export(*stack(READ_ONLY))))
    done = run("trace", "serviceaccount", "default/test-sa", "--action", "s3:GetObject", "--source", state)
    assert REMARK in " ".join(done.stdout.split())
    assert REMARK not in run("list", "--source", state).stdout


def test_shipped_documents_are_those_of_moto():
    script = runpy.run_path(Path(__file__).parents[2] / "docs" / "managed_policies.py")
    assert json.loads(gzip.decompress(script["PATH"].read_bytes())) == script["managed_policies_of_moto"]()
