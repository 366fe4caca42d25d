"""IAM's own rules: what it keeps, what it refuses, what it counts."""

import json

import pytest
from cloud_helpers import ISSUER, allow, assume, client, code, deny, document, error, name, new_role, new_user, trusts

EC2 = trusts({"Service": "ec2.amazonaws.com"})


@pytest.fixture(scope="module")
def iam(cloud):
    return client(cloud, "iam")


def test_ids(cloud, iam):
    """Users have ids that begin with AIDA, roles with AROA, as the authenticator and EKS expect."""
    user, _ = new_user(cloud)
    assert iam.get_user(UserName=user)["User"]["UserId"].startswith("AIDA")
    assert iam.list_users()["Users"][0]["UserId"].startswith("AIDA")
    role = new_role(cloud, EC2).rpartition("/")[2]
    assert iam.get_role(RoleName=role)["Role"]["RoleId"].startswith("AROA")


def test_providers_without_thumbprint(iam):
    """A provider needs no thumbprint, is one per issuer, and keeps its client ids as they are changed."""
    url = f"{ISSUER[:-4]}AAAA"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])["OpenIDConnectProviderArn"]
    refused = error(lambda: iam.create_open_id_connect_provider(Url=url))
    assert refused == ("EntityAlreadyExists", f"Provider with url {url} already exists.")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    seen = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (seen["Url"], seen["ClientIDList"]) == (url.removeprefix("https://"), ["sts.amazonaws.com", "other"])
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["other"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    for call in (
        lambda: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn),
        lambda: iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="x"),
    ):
        assert code(call) == "NoSuchEntity"


def test_provider_urls(iam):
    """A provider's URL begins with https://."""
    assert code(lambda: iam.create_open_id_connect_provider(Url="http://example.com")) == "ValidationError"


@pytest.mark.parametrize(
    ("trust", "part"),
    [
        ("{", "Syntax errors in policy"),
        (trusts({"AWS": "arn:aws:iam::123456789012:role/missing"}), 'Invalid principal in policy: "AWS":"arn:aws'),
        (trusts({"AWS": "arn:aws:iam::123456789012:role/a*"}), "Invalid principal in policy"),
        (trusts({"AWS": "nonsense"}), "Invalid principal in policy"),
        (trusts({"Service": "ec2"}), "Invalid principal in policy"),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (trusts({"AWS": "*"}, Resource="*"), "Has prohibited field Resource"),
        (trusts({"AWS": "*"}, Condition={"StringIs": {"a": "b"}}), "unknown operator"),
        (trusts({"AWS": "*"}, "s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions"),
    ],
)
def test_trust_policies_that_are_refused(cloud, iam, trust, part):
    """A trust policy is checked before it is kept, when a role is made and when it is changed."""
    assert cloud
    role = new_role(cloud, EC2).rpartition("/")[2]
    for call in (
        lambda: iam.create_role(RoleName=name("r"), AssumeRolePolicyDocument=trust),
        lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust),
    ):
        refused, message = error(call)
        assert refused == "MalformedPolicyDocument"
        assert part in message
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == json.loads(EC2)


def test_sizes(cloud, iam):
    """A trust policy holds 2,048 characters, a role's inline policies 10,240, a managed one 6,144: without spaces."""
    role = new_role(cloud, EC2).rpartition("/")[2]
    many = [f"arn:aws:iam::{number:012}:root" for number in range(60)]
    refused = error(lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusts({"AWS": many})))
    assert refused == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    spaced = json.dumps(json.loads(trusts({"AWS": many[:40]})), indent=20)
    assert len(spaced) > 2048
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=spaced)
    half = document(allow(*[f"s3:Action{number:06}" for number in range(300)]))
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=half)
    refused = error(lambda: iam.put_role_policy(RoleName=role, PolicyName="b", PolicyDocument=half))
    assert refused == ("LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {role}")
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=half)
    big = document(allow(*[f"s3:Action{number:06}" for number in range(400)]))
    assert code(lambda: iam.create_policy(PolicyName=name("p"), PolicyDocument=big)) == "LimitExceeded"


def test_managed_policies_a_role(cloud, iam):
    """A role carries ten managed policies."""
    role = new_role(cloud, EC2).rpartition("/")[2]
    policies = iam.list_policies(Scope="AWS", MaxItems=11)["Policies"]
    for policy in policies[:10]:
        iam.attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
    iam.attach_role_policy(RoleName=role, PolicyArn=policies[0]["Arn"])
    refused = error(lambda: iam.attach_role_policy(RoleName=role, PolicyArn=policies[10]["Arn"]))
    assert refused == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")


def test_what_is_in_use_stays(cloud, iam):
    """Roles with policies, users with keys and groups, and attached policies cannot be deleted."""
    role = new_role(cloud, EC2, allow("s3:*")).rpartition("/")[2]
    policy = iam.create_policy(PolicyName=name("p"), PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    assert code(lambda: iam.delete_policy(PolicyArn=policy)) == "DeleteConflict"
    assert code(lambda: iam.delete_role(RoleName=role)) == "DeleteConflict"
    iam.detach_role_policy(RoleName=role, PolicyArn=policy)
    assert code(lambda: iam.delete_role(RoleName=role)) == "DeleteConflict"
    iam.delete_role_policy(RoleName=role, PolicyName="inline")
    iam.delete_role(RoleName=role)
    iam.delete_policy(PolicyArn=policy)
    user, key = new_user(cloud)
    refused = error(lambda: iam.delete_user(UserName=user))
    assert refused == ("DeleteConflict", "Cannot delete entity, must delete access keys first.")
    iam.delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
    iam.delete_user(UserName=user)
    assert code(lambda: iam.get_user(UserName=user)) == "NoSuchEntity"


def test_updating_a_role_changes_what_is_given(cloud, iam):
    """UpdateRole leaves alone what it is not told."""
    role = new_role(cloud, EC2, Description="reader", MaxSessionDuration=7200).rpartition("/")[2]
    iam.update_role(RoleName=role, MaxSessionDuration=3600)
    seen = iam.get_role(RoleName=role)["Role"]
    assert (seen["Description"], seen["MaxSessionDuration"]) == ("reader", 3600)


def test_boundaries_must_exist(cloud, iam):
    """A boundary is a managed policy that is there."""
    missing = f"arn:aws:iam::{cloud.account}:policy/missing"
    user, _ = new_user(cloud)
    for call in (
        lambda: iam.create_user(UserName=name("u"), PermissionsBoundary=missing),
        lambda: iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=missing),
        lambda: iam.create_role(RoleName=name("r"), AssumeRolePolicyDocument=EC2, PermissionsBoundary=missing),
    ):
        assert code(call) == "NoSuchEntity"


def test_get_user_of_a_role(cloud):
    """A role's session has no user to show."""
    arn = new_role(cloud, trusts({"AWS": cloud.account}), allow("iam:*"))
    assert code(lambda: client(cloud, "iam", assume(cloud, arn)).get_user()) == "ValidationError"


def decisions(answer):
    return {
        (entry["EvalActionName"], entry["EvalResourceName"]): entry["EvalDecision"]
        for entry in answer["EvaluationResults"]
    }


def test_simulating_a_principal(cloud, iam):
    """SimulatePrincipalPolicy says what the principal may do, and does."""
    bucket = "arn:aws:s3:::bucket"
    arn = new_role(cloud, EC2, allow("s3:Get*", on=f"{bucket}/*"), deny("s3:GetObject", on=f"{bucket}/secret"))
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=[f"{bucket}/key", f"{bucket}/secret"],
    )
    assert decisions(answer) == {
        ("s3:GetObject", f"{bucket}/key"): "allowed",
        ("s3:GetObject", f"{bucket}/secret"): "explicitDeny",
        ("s3:PutObject", f"{bucket}/key"): "implicitDeny",
        ("s3:PutObject", f"{bucket}/secret"): "implicitDeny",
    }
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "inline"


def test_simulating_conditions_and_boundaries(cloud, iam):
    """Simulation takes context, names the keys that are missing, and tells what a boundary says."""
    when = {"StringEquals": {"aws:RequestedRegion": cloud.region}}
    policy, boundary = document(allow("eks:*", Condition=when)), document(allow("s3:*"))
    asked = {"PolicyInputList": [policy], "ActionNames": ["eks:ListClusters"]}
    bare = iam.simulate_custom_policy(**asked)["EvaluationResults"][0]
    assert (bare["EvalDecision"], bare["MissingContextValues"]) == ("implicitDeny", ["aws:RequestedRegion"])
    context = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [cloud.region], "ContextKeyType": "string"}
    assert (
        iam.simulate_custom_policy(**asked, ContextEntries=[context])["EvaluationResults"][0]["EvalDecision"]
        == "allowed"
    )
    bound = iam.simulate_custom_policy(
        **asked, ContextEntries=[context], PermissionsBoundaryPolicyInputList=[boundary]
    )["EvaluationResults"][0]
    assert bound["EvalDecision"] == "implicitDeny"
    assert bound["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_simulating_nobody(cloud, iam):
    """A principal that does not exist cannot be simulated."""
    missing = f"arn:aws:iam::{cloud.account}:role/missing"
    call = lambda: iam.simulate_principal_policy(PolicySourceArn=missing, ActionNames=["s3:GetObject"])  # noqa: E731
    assert code(call) == "NoSuchEntity"
