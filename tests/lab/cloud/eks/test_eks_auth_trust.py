"""Trust policies of Pod Identity roles: denies, and the role chains that begin with a pod's session."""

import json

import pytest
from botocore.exceptions import ClientError

from lab.cloud.sessions import sessions
from support.eks_constants import ACCOUNT, POD_TRUST

POD = {"clusterName": "eks-clu", "namespace": "default", "serviceAccount": "test-sa"}


@pytest.fixture
def pod_session(lab, client, make_cluster):
    """A function that associates a role with the service account and returns the response for its pod."""
    make_cluster()

    def assume(role, **members):
        client.create_pod_identity_association(**POD, roleArn=role, **members)
        token = lab.plane("eks-clu").token()
        return lab.client("eks-auth").assume_role_for_pod_identity(clusterName="eks-clu", token=token)

    return assume


def allow_policy(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


def client_keys(credentials):
    return {
        "aws_access_key_id": credentials["accessKeyId"],
        "aws_secret_access_key": credentials["secretAccessKey"],
        "aws_session_token": credentials["sessionToken"],
    }


def with_statement(document, **statement):
    loaded = json.loads(document)
    return json.dumps({**loaded, "Statement": [*loaded["Statement"], statement]})


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:TagSession"])
def test_deny_of_all_principals_reaches_pod_identity(lab, pod_session, principal, action):
    """A Deny with Principal * in the trust policy denies AssumeRoleForPodIdentity."""
    role = lab.role("denied", POD_TRUST)
    assert pod_session(role)["credentials"]
    document = with_statement(POD_TRUST, Effect="Deny", Principal=principal, Action=action)
    lab.client("iam").update_assume_role_policy(RoleName="denied", PolicyDocument=document)
    with pytest.raises(ClientError) as raised:
        lab.client("eks-auth").assume_role_for_pod_identity(clusterName="eks-clu", token=lab.plane("eks-clu").token())
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    assert action in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("caller_actions", "trusted_actions", "denied_action"),
    [
        (["sts:AssumeRole", "sts:TagSession"], ["sts:AssumeRole", "sts:TagSession"], None),
        (["sts:AssumeRole", "sts:TagSession"], ["sts:AssumeRole"], "sts:TagSession"),
        (["sts:AssumeRole"], ["sts:AssumeRole", "sts:TagSession"], "sts:TagSession"),
        (["sts:TagSession"], ["sts:AssumeRole", "sts:TagSession"], "sts:AssumeRole"),
    ],
)
def test_role_chain_of_a_pod_requires_tag_session(
    lab, pod_session, pod_role, caller_actions, trusted_actions, denied_action
):
    """A pod's session tags are transitive, so the next role requires sts:TagSession in both policies."""
    lab.client("iam").put_role_policy(
        RoleName="s3-reader", PolicyName="chain", PolicyDocument=allow_policy(*caller_actions)
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": trusted_actions}
    chained = lab.role("chained", json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    credentials = pod_session(pod_role)["credentials"]
    request = {"RoleArn": chained, "RoleSessionName": "chained"}
    sts = lab.client("sts", **client_keys(credentials))
    if denied_action is None:
        session = sessions.get(sts.assume_role(**request)["Credentials"]["AccessKeyId"])
        assert session.tags["kubernetes-service-account"] == "test-sa"
        return
    with pytest.raises(ClientError, match=f"not authorized to perform: {denied_action} on resource: {chained}"):
        sts.assume_role(**request)


def test_role_chain_of_a_pod_without_session_tags_requires_no_tag_session(lab, pod_session, pod_role):
    """With disableSessionTags the next role requires sts:AssumeRole only."""
    lab.client("iam").put_role_policy(
        RoleName="s3-reader", PolicyName="chain", PolicyDocument=allow_policy("sts:AssumeRole")
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    chained = lab.role("chained", json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    credentials = pod_session(pod_role, disableSessionTags=True)["credentials"]
    sts = lab.client("sts", **client_keys(credentials))
    assert sts.assume_role(RoleArn=chained, RoleSessionName="chained")["Credentials"]
