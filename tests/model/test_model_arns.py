import pytest

from eks_identity.model import arns, names
from eks_identity.model.arns import Arn, Principal, PrincipalKind
from eks_identity.model.partitions import PARTITIONS, partition_of_region

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("arn", "kind", "path", "name", "aws_auth", "username"),
    [
        ("user/eks-ope", PrincipalKind.USER, "/", "eks-ope", "user/eks-ope", "eks-ope"),
        ("user/team/eks-ope", PrincipalKind.USER, "/team/", "eks-ope", "user/team/eks-ope", "eks-ope"),
        ("role/admin", PrincipalKind.ROLE, "/", "admin", "role/admin", "admin:{{SessionName}}"),
        (
            "role/aws-reserved/sso.amazonaws.com/ap-northeast-1/AWSReservedSSO_View_0a1b",
            PrincipalKind.ROLE,
            "/aws-reserved/sso.amazonaws.com/ap-northeast-1/",
            "AWSReservedSSO_View_0a1b",
            "role/AWSReservedSSO_View_0a1b",
            "AWSReservedSSO_View_0a1b:{{SessionName}}",
        ),
        ("root", PrincipalKind.ROOT, "/", "root", "root", "root"),
    ],
)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_principal_arn_is_parsed_in_every_partition(partition, arn, kind, path, name, aws_auth, username):
    """Users, roles and account roots are principals; aws-auth omits a role's path and keeps a user's."""
    prefix = f"arn:{partition}:iam::{ACCOUNT}:"
    principal = Principal.parse(prefix + arn)
    assert (principal.kind, principal.path, principal.name) == (kind, path, name)
    assert principal.arn == prefix + arn
    assert principal.aws_auth_arn == prefix + aws_auth
    assert principal.default_username == username


def test_principal_rejects_session_arn_with_role_in_fix(problems_of):
    """EKS never matches an assumed-role ARN, so the fix names the role."""
    (problem,) = problems_of(Principal.parse, f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/admin/alice")
    assert f"arn:aws-cn:iam::{ACCOUNT}:role/admin" in problem.fix


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "eks-ope",
        f"arn:aws:iam::{ACCOUNT}",
        f"arn:aws:iam::{ACCOUNT}:",
        f" arn:aws:iam::{ACCOUNT}:user/eks-ope",
        f"arn:aws-moon:iam::{ACCOUNT}:user/eks-ope",
        f"arn:aws:iam::{ACCOUNT}:user/",
        f"arn:aws:iam::{ACCOUNT}:group/operators",
        f"arn:aws:iam::{ACCOUNT}:instance-profile/node",
        f"arn:aws:iam:us-east-1:{ACCOUNT}:user/eks-ope",
        "arn:aws:iam::12345:user/eks-ope",
        "arn:aws:iam::aws:user/eks-ope",
        f"arn:aws:s3:::{ACCOUNT}",
        f"arn:aws:iam::{ACCOUNT}:user/a b",
        f"arn:aws:iam::{ACCOUNT}:user/ü",
        f"arn:aws:iam::{ACCOUNT}:user//a",
        f"arn:aws:iam::{ACCOUNT}:user/a\n",
        f"arn:aws:iam::{ACCOUNT}:user/a:b",
        f"arn:aws:iam::{ACCOUNT}:role/*",
        f"arn:aws:iam::{ACCOUNT}:role/{'x' * 65}",
        f"arn:aws:iam::{ACCOUNT}:role/{'x' * 511}/y",
        f"arn:aws:iam::{ACCOUNT}:root/x",
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:user/a",
        f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/",
    ],
)
def test_principal_rejects_other_arns(problems_of, arn):
    """ARNs that cannot sign an IAM request are rejected."""
    problems_of(Principal.parse, arn)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:policy/",
        f"arn:aws:iam::{ACCOUNT}:policy/a b",
        f"arn:aws:iam::{ACCOUNT}:policy/*",
        f"arn:aws:iam::{ACCOUNT}:policy/{'x' * 129}",
        f"arn:aws:iam:us-east-1:{ACCOUNT}:policy/x",
        "arn:aws:iam::12:policy/x",
        f"arn:aws:iam::{ACCOUNT}:role/x",
    ],
)
def test_policy_arn_rejects_other_arns(problems_of, arn):
    """A policy's ARN has an account or `aws`, no region, and a name that IAM accepts."""
    problems_of(arns.policy_arn, arn)


def test_arns_are_compared_without_case():
    """To EKS, two ARNs that differ only in case are equal."""
    assert arns.same_arn(f"arn:aws:iam::{ACCOUNT}:user/EKS-ope", f"arn:aws:iam::{ACCOUNT}:USER/eks-ope")
    assert not arns.same_arn(f"arn:aws:iam::{ACCOUNT}:user/a", f"arn:aws:iam::{ACCOUNT}:user/b")


@pytest.mark.parametrize(
    ("region", "partition", "issuer_host"),
    [
        ("ap-northeast-1", "aws", "oidc.eks.ap-northeast-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "oidc.eks.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "oidc.eks.us-gov-west-1.amazonaws.com"),
    ],
)
def test_partition_of_region(region, partition, issuer_host):
    """A region belongs to one partition; the audience names a service and is the same in all of them."""
    found = partition_of_region(region)
    assert found.name == partition
    assert found.issuer_host(region) == issuer_host
    assert found.sts_audience == "sts.amazonaws.com"
    assert Arn.parse(found.arn("eks", "cluster/x", region=region, account=ACCOUNT)).partition is found


def test_partitions_equal_those_of_botocore():
    """Names and DNS suffixes equal those of AWS's SDK."""
    from botocore.session import get_session  # noqa: PLC0415 - the vendor's data, for this test alone

    dns_suffixes = {
        entry["partition"]: entry["dnsSuffix"] for entry in get_session().get_data("endpoints")["partitions"]
    }
    for name, partition in PARTITIONS.items():
        assert dns_suffixes[name] == partition.dns_suffix


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.namespace, ["default", "a", "a-1", "x" * 63], ["", "Default", "a.b", "-a", "a_b", "x" * 64]),
        (names.service_account, ["my-sa", "a.b", "x" * 253], ["", "My", "a..b", "a/b", "x" * 254]),
        (names.role_name, ["a", "A_+=,.@-9", "x" * 64], ["", "a b", "a/b", "ü", "x" * 65]),
        (names.auto_named_role, ["a", "x" * 56], ["x" * 57, "a b"]),
        (names.iam_path, ["/", "/team/", "/a/b/"], ["", "team", "/team", "team/", "/a b/", f"/{'x' * 511}/"]),
        (names.rbac_name, ["test-clu-role", "system:x", "A b"], ["", ".", "..", "a/b", "a%b"]),
        (names.cluster_name, ["eks-clu", "Irsa_1", "0"], ["", "-a", "a.b", "x" * 101]),
        (names.session_seconds, [3600, 3600.0, 43_200], [3599, 43_201, 3600.5, True]),
        (names.token_expiration, [600, 86_400], [599, 86_401]),
        (names.account_id, ["000011112222"], ["12345", "11112222333x", ""]),
    ],
)
def test_names_and_numbers_are_accepted_up_to_their_limits(problems_of, check, good, bad):
    """Values at the limit are accepted, and values beyond it are rejected."""
    for value in good:
        assert check(value) == value
    for value in bad:
        (problem,) = problems_of(check, value)
        assert problem.value == value


def test_session_seconds_converts_float_to_int():
    """Hosted programs send whole numbers as floats."""
    assert isinstance(names.session_seconds(7200.0), int)


ARNS_WITHOUT_ACCOUNT_ID = ["arn:aws:s3:::bucket", "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:s3:*:*:x"]
OTHER_TEXT = ["", "app", "a:b:c:d", "x:y:iam::1:root", f"arn:aws:iam::{ACCOUNT}", f"arn:aws-x:iam::{ACCOUNT}:root"]


def test_account_is_read_from_an_arn_whose_resource_has_colons():
    arn = f"arn:aws-cn:sns:cn-north-1:{ACCOUNT}:topic:00000000-0000:x"
    assert arns.account_of(arn) == arns.find_account(arn) == ACCOUNT


@pytest.mark.parametrize("text", [*ARNS_WITHOUT_ACCOUNT_ID, *OTHER_TEXT])
def test_text_without_an_account_id_has_no_account(text):
    assert arns.find_account(text) is None


@pytest.mark.parametrize("text", OTHER_TEXT)
def test_account_of_other_text_than_an_arn_is_a_validation_error(problems_of, text):
    """A malformed ARN is never of an account, and the error names it."""
    (problem,) = problems_of(arns.account_of, text)
    assert problem.value == text


def test_only_policies_of_aws_are_aws_managed():
    assert arns.is_aws_managed("arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess")
    for other in (f"arn:aws:iam::{ACCOUNT}:policy/aws", "inline policy aws", "a:b:c:d:aws:policy/x"):
        assert not arns.is_aws_managed(other)
