"""AssumeRoleForPodIdentity with boto3: valid tokens, and each reason to reject a token."""

import json
import time

import pytest

from lab.cloud.sessions import sessions
from support.eks_constants import ACCOUNT, POD_TRUST

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


@pytest.fixture
def auth(lab):
    return lab.client("eks-auth")


@pytest.fixture
def associate(client, make_cluster, pod_role):
    make_cluster()

    def make(**members):
        request = {"clusterName": "eks-clu", "namespace": "default", "serviceAccount": "test-sa", "roleArn": pod_role}
        return client.create_pod_identity_association(**{**request, **members})["association"]

    return make


def assume(auth, token):
    return auth.assume_role_for_pod_identity(clusterName="eks-clu", token=token)


def test_assume_role_for_pod_identity(lab, auth, associate, pod_role):
    """A valid token of an existing pod returns a session of the associated role with EKS's six session tags."""
    association = associate()
    plane = lab.plane("eks-clu")
    response = assume(auth, plane.token())
    assert response["subject"] == {"namespace": "default", "serviceAccount": "test-sa"}
    assert response["audience"] == "pods.eks.amazonaws.com"
    assert response["podIdentityAssociation"] == {
        "associationArn": association["associationArn"],
        "associationId": association["associationId"],
    }
    assert response["assumedRoleUser"]["arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/s3-reader/eks-eks-clu-")
    session = sessions.get(response["credentials"]["accessKeyId"])
    assert session.principal.arn == pod_role
    assert session.credentials.secret_access_key == response["credentials"]["secretAccessKey"]
    ((_, _, uid),) = plane.pods
    assert session.tags == {
        "eks-cluster-arn": f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/eks-clu",
        "eks-cluster-name": "eks-clu",
        "kubernetes-namespace": "default",
        "kubernetes-service-account": "test-sa",
        "kubernetes-pod-name": "pod-after",
        "kubernetes-pod-uid": uid,
    }
    assert session.transitive_tag_keys == set(session.tags)
    assert response["assumedRoleUser"]["assumeRoleId"] == session.user_id


def test_disabled_session_tags_and_policy(lab, auth, associate):
    """With disableSessionTags the session has no tags, and the association's policy becomes its session policy."""
    associate(disableSessionTags=True, policy=POLICY)
    session = sessions.get(assume(auth, lab.plane("eks-clu").token())["credentials"]["accessKeyId"])
    assert (session.tags, session.policies) == ({}, (POLICY,))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": ["sts.amazonaws.com"]}, "InvalidTokenException"),
        ({"iss": "https://oidc.eks.ap-northeast-1.amazonaws.com/id/OTHER"}, "InvalidTokenException"),
        ({"exp": int(time.time()) - 60}, "ExpiredTokenException"),
        ({"forged": True}, "InvalidTokenException"),
        ({"kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "test-sa"}}}, "InvalidTokenException"),
        ({"sub": "system:serviceaccount:default:other"}, "InvalidTokenException"),
        ({"service_account": "other"}, "ResourceNotFoundException"),
        ({"namespace": "other"}, "ResourceNotFoundException"),
    ],
)
def test_invalid_pod_tokens_are_rejected(lab, auth, associate, expect_error, changes, code):
    """A wrong audience, issuer, key, expiry, subject, service account or namespace is rejected."""
    associate()
    token = lab.plane("eks-clu").token(**changes)
    assert expect_error("assume_role_for_pod_identity", auth, clusterName="eks-clu", token=token)[0] == code


def test_malformed_token_and_missing_cluster(lab, auth, associate, expect_error):
    """Text that has not the form of a token, or is no token, is rejected, and so is a token for a missing cluster."""
    associate()
    request = {"clusterName": "eks-clu", "token": "none"}
    assert expect_error("assume_role_for_pod_identity", auth, **request)[0] == "InvalidParameterException"
    request["token"] = "a.b.c"
    assert expect_error("assume_role_for_pod_identity", auth, **request)[0] == "InvalidTokenException"
    token = lab.plane("eks-clu").token()
    missing_cluster = {"clusterName": "nope", "token": token}
    assert expect_error("assume_role_for_pod_identity", auth, **missing_cluster)[0] == "ResourceNotFoundException"


def test_token_of_another_cluster_is_rejected(lab, auth, associate, make_cluster, expect_error):
    """A token is valid only for the cluster that signed it."""
    associate()
    make_cluster("other")
    request = {"clusterName": "eks-clu", "token": lab.plane("other").token()}
    assert expect_error("assume_role_for_pod_identity", auth, **request)[0] == "InvalidTokenException"


def test_token_of_a_deleted_pod_is_rejected(lab, auth, associate, expect_error):
    """A valid token is rejected after its pod was deleted."""
    associate()
    plane = lab.plane("eks-clu")
    token = plane.token()
    assume(auth, token)
    plane.pods.clear()
    code, message = expect_error("assume_role_for_pod_identity", auth, clusterName="eks-clu", token=token)
    assert (code, "which does not exist" in message) == ("InvalidTokenException", True)


def test_role_that_no_longer_trusts_eks_is_denied(lab, auth, associate, expect_error):
    """A trust policy that was changed after the association is evaluated: AccessDeniedException with the reason."""
    document = json.loads(POD_TRUST)
    associate(roleArn=lab.role("changed", POD_TRUST))
    document["Statement"][0]["Action"] = ["sts:AssumeRole"]
    iam = lab.client("iam")
    iam.update_assume_role_policy(RoleName="changed", PolicyDocument=json.dumps(document))
    request = {"clusterName": "eks-clu", "token": lab.plane("eks-clu").token()}
    code, message = expect_error("assume_role_for_pod_identity", auth, **request)
    assert code == "AccessDeniedException"
    assert "sts:TagSession" in message


def test_target_role_is_assumed_by_the_association_role(lab, auth, associate, expect_error, pod_role):
    """The association's role assumes a role of another account. Both roles' policies must allow it."""
    target_trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": pod_role}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        ],
    }
    target = lab.role("target", json.dumps(target_trust), account="222222222222")
    associate(targetRoleArn=target)
    request = {"clusterName": "eks-clu", "token": lab.plane("eks-clu").token()}
    assert expect_error("assume_role_for_pod_identity", auth, **request)[0] == "AccessDeniedException"
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": target}
    lab.client("iam").put_role_policy(
        RoleName="s3-reader",
        PolicyName="chain",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    response = assume(auth, request["token"])
    assert response["assumedRoleUser"]["arn"].startswith("arn:aws:sts::222222222222:assumed-role/target/")
    session = sessions.get(response["credentials"]["accessKeyId"])
    assert session.principal.arn == target
    assert session.tags["kubernetes-namespace"] == "default"
