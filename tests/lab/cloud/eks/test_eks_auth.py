"""AssumeRoleForPodIdentity through boto3: every link of the chain, broken one at a time."""

import json
import time

import pytest
from eks_constants import ACCOUNT, POD_TRUST

from lab.cloud.sessions import sessions

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


@pytest.fixture
def auth(lab):
    return lab.client("eks-auth")


@pytest.fixture
def associate(client, make_cluster, pod_role):
    make_cluster()

    def make(**members):
        wanted = {"clusterName": "eks-clu", "namespace": "default", "serviceAccount": "test-sa", "roleArn": pod_role}
        return client.create_pod_identity_association(**{**wanted, **members})["association"]

    return make


def assume(auth, token):
    return auth.assume_role_for_pod_identity(clusterName="eks-clu", token=token)


def test_a_pod_gets_its_role(lab, auth, associate, pod_role):
    """A genuine token of a pod that is there becomes a session of the associated role, with EKS's six tags on it."""
    association = associate()
    plane = lab.plane("eks-clu")
    answer = assume(auth, plane.token())
    assert answer["subject"] == {"namespace": "default", "serviceAccount": "test-sa"}
    assert answer["audience"] == "pods.eks.amazonaws.com"
    assert answer["podIdentityAssociation"] == {
        "associationArn": association["associationArn"],
        "associationId": association["associationId"],
    }
    assert answer["assumedRoleUser"]["arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/s3-reader/eks-eks-clu-")
    session = sessions.get(answer["credentials"]["accessKeyId"])
    assert session.principal.arn == pod_role
    assert session.credentials.secret_access_key == answer["credentials"]["secretAccessKey"]
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
    assert answer["assumedRoleUser"]["assumeRoleId"] == session.user_id


def test_session_tags_off_and_policy(lab, auth, associate):
    """With disableSessionTags there are no tags, and the association's policy narrows the session."""
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
def test_tokens_that_are_refused(lab, auth, associate, refused, changes, code):
    """Another audience, issuer, key, time, subject, service account or namespace gets nothing."""
    associate()
    token = lab.plane("eks-clu").token(**changes)
    assert refused("assume_role_for_pod_identity", auth, clusterName="eks-clu", token=token)[0] == code


def test_not_even_a_token(lab, auth, associate, refused):
    """Text that is no token is refused, and so is a token of another cluster, or for a cluster that is not there."""
    associate()
    wrong = {"clusterName": "eks-clu", "token": "none"}
    assert refused("assume_role_for_pod_identity", auth, **wrong)[0] == "InvalidTokenException"
    token = lab.plane("eks-clu").token()
    missing = {"clusterName": "nope", "token": token}
    assert refused("assume_role_for_pod_identity", auth, **missing)[0] == "ResourceNotFoundException"


def test_tokens_of_another_cluster(lab, auth, associate, make_cluster, refused):
    """A token is good for the cluster that signed it alone."""
    associate()
    make_cluster("other")
    wrong = {"clusterName": "eks-clu", "token": lab.plane("other").token()}
    assert refused("assume_role_for_pod_identity", auth, **wrong)[0] == "InvalidTokenException"


def test_the_pod_must_be_there(lab, auth, associate, refused):
    """A genuine token is worth nothing once its pod is gone."""
    associate()
    plane = lab.plane("eks-clu")
    token = plane.token()
    assume(auth, token)
    plane.pods.clear()
    code, message = refused("assume_role_for_pod_identity", auth, clusterName="eks-clu", token=token)
    assert (code, "which does not exist" in message) == ("InvalidTokenException", True)


def test_the_role_must_still_trust_eks(lab, auth, associate, refused):
    """A trust policy that changed after the association was made decides: AccessDeniedException that says why."""
    document = json.loads(POD_TRUST)
    associate(roleArn=lab.role("fickle", POD_TRUST))
    document["Statement"][0]["Action"] = ["sts:AssumeRole"]
    iam = lab.client("iam")
    iam.update_assume_role_policy(RoleName="fickle", PolicyDocument=json.dumps(document))
    wanted = {"clusterName": "eks-clu", "token": lab.plane("eks-clu").token()}
    code, message = refused("assume_role_for_pod_identity", auth, **wanted)
    assert code == "AccessDeniedException"
    assert "sts:TagSession" in message


def test_target_role_is_reached_through_the_first(lab, auth, associate, refused, pod_role):
    """Another account's role is assumed by the association's role: it must trust it, and it must be allowed to."""
    trusting = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": pod_role}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        ],
    }
    target = lab.role("theirs", json.dumps(trusting), account="222222222222")
    associate(targetRoleArn=target)
    wanted = {"clusterName": "eks-clu", "token": lab.plane("eks-clu").token()}
    assert refused("assume_role_for_pod_identity", auth, **wanted)[0] == "AccessDeniedException"
    allowed = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": target}
    lab.client("iam").put_role_policy(
        RoleName="s3-reader",
        PolicyName="chain",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    answer = assume(auth, wanted["token"])
    assert answer["assumedRoleUser"]["arn"].startswith("arn:aws:sts::222222222222:assumed-role/theirs/")
    session = sessions.get(answer["credentials"]["accessKeyId"])
    assert session.principal.arn == target
    assert session.tags["kubernetes-namespace"] == "default"
