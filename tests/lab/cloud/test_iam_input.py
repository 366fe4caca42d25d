"""Input of IAM that AWS rejects: names, paths, tags, policy documents, and OIDC provider URLs."""

import json

import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import MalformedPolicyDocument

from lab.cloud import iam_documents
from lab.cloud.policy import PolicyError, parse
from support.cloud_helpers import allow, client, expect_error, expect_error_code, policy_document, unique_name

TRUST = policy_document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
STATEMENT = allow("s3:GetObject")


@pytest.fixture(scope="module")
def iam(cloud):
    return client(cloud, "iam", config=Config(parameter_validation=False))


def tags(*keys):
    return [{"Key": key, "Value": "x"} for key in keys]


@pytest.mark.parametrize(
    ("operation", "members", "path", "constraint"),
    [
        ("create_role", {"RoleName": "r" * 65}, "roleName", "length less than or equal to 64"),
        ("create_role", {"RoleName": "a b"}, "roleName", r"regular expression pattern: [\w+=,.@-]+"),
        ("create_role", {"RoleName": "role\n"}, "roleName", r"regular expression pattern: [\w+=,.@-]+"),
        ("create_role", {"RoleName": None}, "roleName", "must not be null"),
        ("create_role", {"Path": "team"}, "path", r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)"),
        ("create_role", {"Path": "/a b/"}, "path", r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)"),
        ("create_role", {"Path": f"/{'p' * 511}/"}, "path", "length less than or equal to 512"),
        ("create_role", {"MaxSessionDuration": 3599}, "maxSessionDuration", "greater than or equal to 3600"),
        ("create_role", {"MaxSessionDuration": 43201}, "maxSessionDuration", "less than or equal to 43200"),
        ("create_role", {"Description": "d" * 1001}, "description", "length less than or equal to 1000"),
        ("create_role", {"Tags": tags("k!")}, "tags.1.member.key", r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"),
        ("create_role", {"Tags": tags(*map(str, range(51)))}, "tags", "length less than or equal to 50"),
        ("create_user", {"UserName": "u" * 65}, "userName", "length less than or equal to 64"),
        ("create_group", {"GroupName": "g/g"}, "groupName", r"[\w+=,.@-]+"),
        ("create_policy", {"PolicyName": "p" * 129}, "policyName", "length less than or equal to 128"),
        ("create_instance_profile", {"InstanceProfileName": "i" * 129}, "instanceProfileName", "equal to 128"),
        ("attach_role_policy", {"RoleName": "r", "PolicyArn": "short"}, "policyArn", "greater than or equal to 20"),
    ],
)  # fmt: skip
def test_input_outside_of_its_constraints_is_rejected(iam, operation, members, path, constraint):
    """IAM validates each member: length, value, characters and presence. The message names member and constraint."""
    defaults = {
        "create_role": {"RoleName": "role", "AssumeRolePolicyDocument": TRUST},
        "create_policy": {"PolicyDocument": policy_document(STATEMENT)},
    }
    request = {**defaults.get(operation, {}), **members}
    request = {name: value for name, value in request.items() if value is not None}
    code, message = expect_error(lambda: getattr(iam, operation)(**request))
    assert code == "ValidationError"
    assert message.startswith("1 validation error detected: Value")
    assert f" at '{path}' failed to satisfy constraint: Member must" in message
    assert message.endswith(constraint)


@pytest.mark.parametrize(
    ("kind", "operation", "name", "members", "message"),
    [
        ("role", "create_role", "RoleName", {"AssumeRolePolicyDocument": TRUST}, "Role with name {} already exists."),
        ("user", "create_user", "UserName", {}, "User with name {} already exists."),
        ("group", "create_group", "GroupName", {}, "Group with name {} already exists."),
        ("profile", "create_instance_profile", "InstanceProfileName", {}, "Instance Profile {} already exists."),
        (
            "policy",
            "create_policy",
            "PolicyName",
            {"PolicyDocument": policy_document(STATEMENT)},
            "A policy called {} already exists. Duplicate names are not allowed.",
        ),
    ],
)
def test_names_are_unique_without_regard_to_case(iam, kind, operation, name, members, message):
    """A name that differs only in case from an existing one is rejected, also under another path."""
    existing = unique_name(kind)
    getattr(iam, operation)(**{name: existing}, **members)
    for path in ("/", "/team/"):
        request = {name: existing.upper(), "Path": path, **members}
        error = expect_error(lambda request=request: getattr(iam, operation)(**request))
        assert error == ("EntityAlreadyExists", message.format(existing.upper()))


def test_policy_can_have_the_name_of_an_aws_managed_policy(iam):
    """Names of AWS-managed policies are not names of the account."""
    assert iam.create_policy(PolicyName="ReadOnlyAccess", PolicyDocument=policy_document(STATEMENT))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("team", "Team"), "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
        (("aws:team",), "aws: prefixed tag key names are not allowed for external use."),
    ],
)
def test_invalid_tags_are_rejected(iam, keys, message):
    """Tag keys are unique without regard to case, and not reserved, at creation and later."""
    role = unique_name("role")
    request = {"RoleName": role, "AssumeRolePolicyDocument": TRUST}
    assert expect_error(lambda: iam.create_role(**request, Tags=tags(*keys))) == ("InvalidInput", message)
    iam.create_role(**request)
    assert expect_error(lambda: iam.tag_role(RoleName=role, Tags=tags(*keys))) == ("InvalidInput", message)
    assert expect_error(lambda: iam.create_user(UserName=role, Tags=tags(*keys))) == ("InvalidInput", message)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Syntax errors in policy"),
        (f" {policy_document(STATEMENT)}", "JSON strings must not have leading spaces"),
        (policy_document({**STATEMENT, "Effect": ["Allow"]}), "Syntax errors in policy"),
        (policy_document({**STATEMENT, "Sid": "Same"}, {**STATEMENT, "Sid": "Same"}), "must be unique"),
        (policy_document({**STATEMENT, "Sid": "a-b"}), "must be alpha-numeric"),
        (policy_document({**STATEMENT, "Sid": "a\n"}), "must be alpha-numeric"),
        (policy_document({**STATEMENT, "Principal": "*"}), "should not specify a principal"),
        (policy_document({**STATEMENT, "Action": []}), "must contain actions"),
        (policy_document({"Effect": "Allow", "Action": "s3:*"}), "must contain resources"),
        (policy_document({**STATEMENT, "Action": "GetObject"}), "must be prefaced by a vendor"),
        (policy_document({**STATEMENT, "Action": "s_3:GetObject"}), "Vendor s_3 is not valid"),
        (policy_document({**STATEMENT, "Resource": "bucket"}), 'must be in ARN format or "*"'),
        (
            '{"Statement": {"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}}',
            "Effect: duplicate element",
        ),
    ],
)  # fmt: skip
def test_invalid_policy_documents_are_rejected(iam, document, message):
    """Each operation that stores an identity-based policy validates its grammar."""
    name = unique_name("name")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    inline = {"PolicyName": "inline", "PolicyDocument": document}
    calls = [
        lambda: iam.put_role_policy(RoleName=name, **inline),
        lambda: iam.put_user_policy(UserName=name, **inline),
        lambda: iam.put_group_policy(GroupName=name, **inline),
        lambda: iam.create_policy(PolicyName=name, PolicyDocument=document),
    ]
    for call in calls:
        code, text = expect_error(call)
        assert code == "MalformedPolicyDocument"
        assert message in text


@pytest.mark.parametrize(
    "changes",
    [
        {"Sid": "a b"},
        {"Action": []},
        {"Action": "*"},
        {"Action": "s3:*"},
        {"Resource": "*"},
        {"Principal": {"Service": "ec2.amazonaws.com\n"}},
        {"Principal": {"AWS": "123456789012\n"}},
        {"Principal": {"AWS": "١٢٣٤٥٦٧٨٩٠١٢"}},
    ],
)
def test_invalid_trust_policies_are_rejected(iam, changes):
    """A trust policy is validated at creation and at each update."""
    document = policy_document({**json.loads(TRUST)["Statement"][0], **changes})
    name = unique_name("role")
    request = {"RoleName": name, "AssumeRolePolicyDocument": document}
    assert expect_error_code(lambda: iam.create_role(**request)) == "MalformedPolicyDocument"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    update = {"RoleName": name, "PolicyDocument": document}
    assert expect_error_code(lambda: iam.update_assume_role_policy(**update)) == "MalformedPolicyDocument"


@pytest.mark.parametrize(("kind", "limit"), [("user", 2048), ("group", 5120), ("role", 10240)])
def test_size_of_all_inline_policies(iam, kind, limit):
    """The inline policies of a user, group or role have a size limit together."""
    name = unique_name(kind)
    members = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": name}, **members)

    def put(policy, characters):
        empty = policy_document(allow("s3:*", on="arn:aws:s3:::"))
        document = policy_document(allow("s3:*", on="arn:aws:s3:::" + "b" * (characters - iam_documents.size(empty))))
        return getattr(iam, f"put_{kind}_policy")(
            **{f"{kind.title()}Name": name}, PolicyName=policy, PolicyDocument=document
        )

    put("one", limit - 200)
    put("two", 200)
    put("two", 200)
    code, message = expect_error(lambda: put("three", 150))
    assert code == "LimitExceeded"
    assert message == f"Maximum policy size of {limit} bytes exceeded for {kind} {name}"


def test_grammar_accepts_all_aws_managed_policies():
    """Every AWS-managed policy is a valid identity-based policy."""
    policies = json.loads(aws_managed_policies_data)
    assert len(policies) > 1000
    for policy in policies.values():
        assert iam_documents.check_identity_policy(json.dumps(policy["Document"])).statements


_ELEMENTS = ["Version", "Statement", "Effect", "Action", "Resource", "Sid", "Principal", "Condition", "AWS", "Allow"]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["Allow", "2012-10-17", "*"]),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(_ELEMENTS), child, max_size=6),
    max_leaves=12,
)


@given(_json)
def test_any_json_is_a_policy_or_an_error(value):
    """Any JSON value is parsed, or rejected with the error of an invalid document."""
    document = json.dumps(value)
    for function, error in ((parse, PolicyError), (iam_documents.check_identity_policy, MalformedPolicyDocument)):
        try:
            assert function(document).statements
        except error:
            continue


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://oidc.eks.ap-northeast-1.amazonaws.com:443/id/{}", "oidc.eks.ap-northeast-1.amazonaws.com/id/{}"),
        ("https://OIDC.example.com/{}/", "oidc.example.com/{}"),
        ("https://oidc.example.com/Path/{}", "oidc.example.com/Path/{}"),
    ],
)
def test_oidc_provider_url_is_stored_without_port_and_slash(cloud, iam, url, stored):
    """The provider's ARN and URL have no port and no slash at the end, and the same URL exists only once."""
    name = unique_name("id")
    arn = iam.create_open_id_connect_provider(Url=url.format(name))["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{cloud.account}:oidc-provider/{stored.format(name)}"
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["Url"] == stored.format(name)
    again = {"Url": f"https://{stored.format(name)}"}
    assert expect_error_code(lambda: iam.create_open_id_connect_provider(**again)) == "EntityAlreadyExists"


@pytest.mark.parametrize(
    "url",
    [
        "http://oidc.example.com/x",
        "oidc.example.com",
        "https://",
        "https:///path",
        "https://localhost",
        "https://oidc.example.com:8443/x",
        "https://user@oidc.example.com/x",
        "https://oidc.example.com/x?y=z",
        "https://oidc.example.com/x#y",
        "https://oidc.example.com/a b",
        "https://oidc.example.com/x\n",
        "https://-oidc-.example.com",
    ],
)
def test_invalid_oidc_provider_urls_are_rejected(iam, url):
    """A provider's URL has the scheme https, a host name and a path only."""
    assert expect_error_code(lambda: iam.create_open_id_connect_provider(Url=url)) == "ValidationError"
