"""IAM operations: validation, quotas, deletion conflicts and policy simulation."""

import hashlib
import json
import ssl
from pathlib import Path

import pytest

from support.cloud_helpers import (
    ISSUER,
    allow,
    assume,
    client,
    deny,
    expect_error,
    expect_error_code,
    new_role,
    new_user,
    policy_document,
    trust_policy,
    unique_name,
)

EC2 = trust_policy({"Service": "ec2.amazonaws.com"})


@pytest.fixture(scope="module")
def iam(cloud):
    return client(cloud, "iam")


def test_unique_id_prefixes(cloud, iam):
    """User ids begin with AIDA and role ids with AROA, as EKS and aws-iam-authenticator expect."""
    user, _ = new_user(cloud)
    assert iam.get_user(UserName=user)["User"]["UserId"].startswith("AIDA")
    assert iam.list_users()["Users"][0]["UserId"].startswith("AIDA")
    role = new_role(cloud, EC2).rpartition("/")[2]
    assert iam.get_role(RoleName=role)["Role"]["RoleId"].startswith("AROA")


def test_oidc_provider_client_ids(iam):
    """An OIDC provider needs no thumbprint, is unique per issuer, and its client ids can be changed."""
    url = f"{ISSUER[:-4]}AAAA"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])["OpenIDConnectProviderArn"]
    error = expect_error(lambda: iam.create_open_id_connect_provider(Url=url))
    assert error == ("EntityAlreadyExists", f"Provider with url {url} already exists.")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (provider["Url"], provider["ClientIDList"]) == (url.removeprefix("https://"), ["sts.amazonaws.com", "other"])
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["other"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    for call in (
        lambda: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn),
        lambda: iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="x"),
    ):
        assert expect_error_code(call) == "NoSuchEntity"


def test_oidc_provider_without_thumbprints_gets_that_of_its_issuer(cloud, iam, issuer):
    """IAM connects to an issuer whose thumbprint is omitted. The lab reaches the issuers of its clusters only.

    Source: IAM API reference, CreateOpenIDConnectProvider, `ThumbprintList`.
    """
    authority = ssl.PEM_cert_to_DER_cert(Path(cloud.access.ca_file).read_text())
    thumbprint = hashlib.sha1(authority).hexdigest()  # noqa: S324 - IAM's format
    expected = {issuer.url: [thumbprint], "https://issuer.example.com": []}
    for url, thumbprints in expected.items():
        created = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])
        target = {"OpenIDConnectProviderArn": created["OpenIDConnectProviderArn"]}
        assert iam.get_open_id_connect_provider(**target)["ThumbprintList"] == thumbprints
        iam.delete_open_id_connect_provider(**target)


def test_oidc_provider_limits(iam):
    """An OIDC provider has at most 100 client ids and five thumbprints, at its creation and later."""
    url = f"{ISSUER[:-4]}CCCC"
    client_ids = [f"client-{number}" for number in range(101)]
    thumbprints = [f"{number:040x}" for number in range(6)]
    assert (
        expect_error_code(lambda: iam.create_open_id_connect_provider(Url=url, ClientIDList=client_ids))
        == "LimitExceeded"
    )
    assert (
        expect_error_code(lambda: iam.create_open_id_connect_provider(Url=url, ThumbprintList=thumbprints))
        == "InvalidInput"
    )
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=client_ids[:100], ThumbprintList=thumbprints[:5])[
        "OpenIDConnectProviderArn"
    ]
    target = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**target, ClientID=client_ids[0])
    error = expect_error(lambda: iam.add_client_id_to_open_id_connect_provider(**target, ClientID=client_ids[100]))
    assert error == ("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")

    def update(count):
        iam.update_open_id_connect_provider_thumbprint(**target, ThumbprintList=thumbprints[:count])

    assert expect_error_code(lambda: update(6)) == "InvalidInput"
    update(2)
    provider = iam.get_open_id_connect_provider(**target)
    assert (provider["ClientIDList"], provider["ThumbprintList"]) == (client_ids[:100], thumbprints[:2])
    iam.delete_open_id_connect_provider(**target)


def test_oidc_provider_url_requires_https(iam):
    """The URL of an OIDC provider must begin with https://."""
    assert expect_error_code(lambda: iam.create_open_id_connect_provider(Url="http://example.com")) == "ValidationError"


@pytest.mark.parametrize(
    ("trust", "message_part"),
    [
        ("{", "Syntax errors in policy"),
        (
            trust_policy({"AWS": "arn:aws:iam::123456789012:role/missing"}),
            'Invalid principal in policy: "AWS":"arn:aws',
        ),
        (trust_policy({"AWS": "arn:aws:iam::123456789012:role/a*"}), "Invalid principal in policy"),
        (trust_policy({"AWS": "nonsense"}), "Invalid principal in policy"),
        (trust_policy({"Service": "ec2"}), "Invalid principal in policy"),
        (policy_document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (trust_policy({"AWS": "*"}, Resource="*"), "Has prohibited field Resource"),
        (trust_policy({"AWS": "*"}, Condition={"StringIs": {"a": "b"}}), "unknown operator"),
        (trust_policy({"AWS": "*"}, "s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions"),
    ],
)
def test_invalid_trust_policies_are_rejected(cloud, iam, trust, message_part):
    """An invalid trust policy is rejected when a role is created and when it is updated."""
    assert cloud
    role = new_role(cloud, EC2).rpartition("/")[2]
    for call in (
        lambda: iam.create_role(RoleName=unique_name("r"), AssumeRolePolicyDocument=trust),
        lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust),
    ):
        code, message = expect_error(call)
        assert code == "MalformedPolicyDocument"
        assert message_part in message
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == json.loads(EC2)


def test_policy_size_quotas(cloud, iam):
    """Quotas without spaces: trust policy 2,048 characters, inline policies of a role 10,240, managed policy 6,144."""
    role = new_role(cloud, EC2).rpartition("/")[2]
    principals = [f"arn:aws:iam::{number:012}:root" for number in range(60)]
    error = expect_error(
        lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust_policy({"AWS": principals}))
    )
    assert error == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    indented = json.dumps(json.loads(trust_policy({"AWS": principals[:40]})), indent=20)
    assert len(indented) > 2048
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=indented)
    half_quota = policy_document(allow(*[f"s3:Action{number:06}" for number in range(300)]))
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=half_quota)
    error = expect_error(lambda: iam.put_role_policy(RoleName=role, PolicyName="b", PolicyDocument=half_quota))
    assert error == ("LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {role}")
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=half_quota)
    too_large = policy_document(allow(*[f"s3:Action{number:06}" for number in range(400)]))
    assert (
        expect_error_code(lambda: iam.create_policy(PolicyName=unique_name("p"), PolicyDocument=too_large))
        == "LimitExceeded"
    )


def test_managed_policies_per_role_quota(cloud, iam):
    """A role has at most ten managed policies."""
    role = new_role(cloud, EC2).rpartition("/")[2]
    policies = iam.list_policies(Scope="AWS", MaxItems=11)["Policies"]
    for policy in policies[:10]:
        iam.attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
    iam.attach_role_policy(RoleName=role, PolicyArn=policies[0]["Arn"])
    error = expect_error(lambda: iam.attach_role_policy(RoleName=role, PolicyArn=policies[10]["Arn"]))
    assert error == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")


def test_entities_in_use_cannot_be_deleted(cloud, iam):
    """Roles with policies, users with keys, and attached policies cannot be deleted."""
    role = new_role(cloud, EC2, allow("s3:*")).rpartition("/")[2]
    policy = iam.create_policy(PolicyName=unique_name("p"), PolicyDocument=policy_document(allow("s3:*")))["Policy"][
        "Arn"
    ]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    assert expect_error_code(lambda: iam.delete_policy(PolicyArn=policy)) == "DeleteConflict"
    assert expect_error_code(lambda: iam.delete_role(RoleName=role)) == "DeleteConflict"
    iam.detach_role_policy(RoleName=role, PolicyArn=policy)
    assert expect_error_code(lambda: iam.delete_role(RoleName=role)) == "DeleteConflict"
    iam.delete_role_policy(RoleName=role, PolicyName="inline")
    iam.delete_role(RoleName=role)
    iam.delete_policy(PolicyArn=policy)
    user, key = new_user(cloud)
    error = expect_error(lambda: iam.delete_user(UserName=user))
    assert error == ("DeleteConflict", "Cannot delete entity, must delete access keys first.")
    iam.delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
    iam.delete_user(UserName=user)
    assert expect_error_code(lambda: iam.get_user(UserName=user)) == "NoSuchEntity"


def test_update_role_keeps_omitted_members(cloud, iam):
    """UpdateRole does not change members that the request omits."""
    role = new_role(cloud, EC2, Description="reader", MaxSessionDuration=7200).rpartition("/")[2]
    iam.update_role(RoleName=role, MaxSessionDuration=3600)
    description = iam.get_role(RoleName=role)["Role"]
    assert (description["Description"], description["MaxSessionDuration"]) == ("reader", 3600)


def test_permissions_boundary_must_exist(cloud, iam):
    """A permissions boundary must be an existing managed policy."""
    missing = f"arn:aws:iam::{cloud.account}:policy/missing"
    user, _ = new_user(cloud)
    for call in (
        lambda: iam.create_user(UserName=unique_name("u"), PermissionsBoundary=missing),
        lambda: iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=missing),
        lambda: iam.create_role(RoleName=unique_name("r"), AssumeRolePolicyDocument=EC2, PermissionsBoundary=missing),
    ):
        assert expect_error_code(call) == "NoSuchEntity"


def test_get_user_of_a_role_session_is_rejected(cloud):
    """GetUser without a name is rejected for the session of a role."""
    arn = new_role(cloud, trust_policy({"AWS": cloud.account}), allow("iam:*"))
    assert expect_error_code(lambda: client(cloud, "iam", assume(cloud, arn)).get_user()) == "ValidationError"


def decisions(response):
    return {
        (result["EvalActionName"], specific["EvalResourceName"]): specific["EvalResourceDecision"]
        for result in response["EvaluationResults"]
        for specific in result["ResourceSpecificResults"]
    }


def test_simulate_principal_policy(cloud, iam):
    """SimulatePrincipalPolicy returns the decisions of the principal's policies."""
    bucket = "arn:aws:s3:::bucket"
    arn = new_role(cloud, EC2, allow("s3:Get*", on=f"{bucket}/*"), deny("s3:GetObject", on=f"{bucket}/secret"))
    response = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=[f"{bucket}/key", f"{bucket}/secret"],
    )
    assert decisions(response) == {
        ("s3:GetObject", f"{bucket}/key"): "allowed",
        ("s3:GetObject", f"{bucket}/secret"): "explicitDeny",
        ("s3:PutObject", f"{bucket}/key"): "implicitDeny",
        ("s3:PutObject", f"{bucket}/secret"): "implicitDeny",
    }
    get, put = response["EvaluationResults"]
    assert get["EvalResourceName"] == "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
    assert (get["EvalDecision"], put["EvalDecision"]) == ("explicitDeny", "implicitDeny")
    assert get["ResourceSpecificResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "inline"


def test_simulate_without_resources_has_no_specific_results(cloud, iam):
    """The result on all resources has the decision, and the missing keys of conditions and policy variables."""
    home = allow("s3:GetObject", on="arn:aws:s3:::home/${aws:PrincipalTag/team}/*")
    arn = new_role(cloud, EC2, home, allow("s3:PutObject", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}))
    (result,) = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"])["EvaluationResults"]
    assert "ResourceSpecificResults" not in result
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["aws:PrincipalTag/team", "aws:SourceVpc"]


def test_simulate_conditions_and_boundary(cloud, iam):
    """Simulation uses the context, returns missing context keys, and reports the boundary's decision."""
    condition = {"StringEquals": {"aws:RequestedRegion": cloud.region}}
    policy, boundary = policy_document(allow("eks:*", Condition=condition)), policy_document(allow("s3:*"))
    simulation = {"PolicyInputList": [policy], "ActionNames": ["eks:ListClusters"]}
    without_context = iam.simulate_custom_policy(**simulation)["EvaluationResults"][0]
    assert (without_context["EvalDecision"], without_context["MissingContextValues"]) == (
        "implicitDeny",
        ["aws:RequestedRegion"],
    )
    context = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [cloud.region], "ContextKeyType": "string"}
    assert (
        iam.simulate_custom_policy(**simulation, ContextEntries=[context])["EvaluationResults"][0]["EvalDecision"]
        == "allowed"
    )
    with_boundary = iam.simulate_custom_policy(
        **simulation, ContextEntries=[context], PermissionsBoundaryPolicyInputList=[boundary]
    )["EvaluationResults"][0]
    assert with_boundary["EvalDecision"] == "implicitDeny"
    assert with_boundary["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_simulate_missing_principal(cloud, iam):
    """Simulation of a principal that does not exist is rejected."""
    missing = f"arn:aws:iam::{cloud.account}:role/missing"
    call = lambda: iam.simulate_principal_policy(PolicySourceArn=missing, ActionNames=["s3:GetObject"])  # noqa: E731
    assert expect_error_code(call) == "NoSuchEntity"
