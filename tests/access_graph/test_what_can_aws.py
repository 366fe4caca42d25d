"""`what-can` says what an IAM principal, or the pods of a service account, can do in AWS."""

import pytest

from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.questions.what_can import what_can_principal, what_can_service_account
from support.access_graphs import arn
from support.workload_chains import (
    KEY,
    POLICY_ARN,
    ROLE_ANNOTATION,
    ROLE_ARN,
    allow,
    chained,
    document,
    irsa,
    irsa_statement,
    pod_identity,
)

DENY = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::secret/*"}
REGION = {"StringEquals": {"aws:RequestedRegion": "ap-northeast-1"}}


def service_account(data):
    return what_can_service_account(data.graph(), *KEY)


def words(permissions):
    return [str(permission) for permission in permissions]


def test_what_can_of_a_service_account_has_its_role_and_the_permissions():
    answer = service_account(irsa())
    assert answer.aws_identity == f"{ROLE_ARN} by annotation {ROLE_ANNOTATION} → role {ROLE_ARN}"
    assert words(answer.in_aws) == ["s3:Get*, s3:List* on *"]
    assert answer.denied_in_aws == ()


def test_what_can_of_a_service_account_with_a_target_role():
    answer = service_account(chained())
    assert answer.aws_identity.startswith("arn:aws:iam::210987654321:role/target-role by Pod Identity association a-1")
    assert words(answer.in_aws) == ["s3:Get*, s3:List* on *"]


def test_what_can_shows_denies_conditions_and_not_elements():
    data = irsa()
    but = {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "NotResource": "arn:aws:s3:::x"}
    data.policies[POLICY_ARN] = document({**allow("s3:Get*"), "Condition": REGION}, but, DENY)
    answer = service_account(data)
    assert words(answer.in_aws) == [
        "s3:Get* on *, if StringEquals aws:RequestedRegion ap-northeast-1",
        "all actions except iam:*, sts:* on all resources except arn:aws:s3:::x",
    ]
    assert words(answer.denied_in_aws) == ["s3:GetObject on arn:aws:s3:::secret/*"]


BOUNDARIES = {
    "narrower actions": (allow("s3:Get*"), ["s3:Get* on *"]),
    "narrower resources": (allow("s3:*", "arn:aws:s3:::a/*"), ["s3:Get*, s3:List* on arn:aws:s3:::a/*"]),
    "wider": (allow("*"), ["s3:Get*, s3:List* on *"]),
    "other": (allow("sqs:*"), []),
    "all but": ({"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}, ["s3:List* on *"]),
    "condition": (
        {**allow("s3:Get*"), "Condition": REGION},
        ["s3:Get* on *, if StringEquals aws:RequestedRegion ap-northeast-1"],
    ),
}


@pytest.mark.parametrize(("boundary", "expected"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_what_can_lists_what_the_boundary_allows_too(boundary, expected):
    data = irsa()
    data.policies[arn("policy/limit")] = document(boundary)
    data.set_role(boundary=arn("policy/limit"))
    answer = service_account(data)
    assert words(answer.in_aws) == expected
    assert any(note.startswith(f"permissions boundary {arn('policy/limit')}") for note in answer.aws_notes)


def test_what_can_writes_the_session_tags_of_pod_identity():
    resource = "arn:aws:s3:::${aws:PrincipalTag/eks-cluster-name}/${aws:PrincipalTag/kubernetes-pod-name}"
    data = pod_identity()
    data.policies[POLICY_ARN] = document(allow(resource=resource))
    assert words(service_account(data).in_aws) == [
        "s3:Get*, s3:List* on arn:aws:s3:::eks-clu/${aws:PrincipalTag/kubernetes-pod-name}"
    ]


def test_what_can_leaves_out_conditions_that_session_tags_do_not_satisfy():
    def tagged(namespace):
        return {**allow(), "Condition": {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": namespace}}}

    data = pod_identity()
    data.policies[POLICY_ARN] = document(tagged("web"))
    assert service_account(data).in_aws == ()
    data.policies[POLICY_ARN] = document(tagged("default"))
    assert words(service_account(data).in_aws) == ["s3:Get*, s3:List* on *"]


def test_what_can_names_what_is_not_evaluated():
    data = irsa()
    data.set_role(inline_policies={"new": Unknown("document of aws:iam/rolePolicy:RolePolicy app")})
    answer = service_account(data)
    assert words(answer.in_aws) == ["s3:Get*, s3:List* on *"]
    assert any("may allow or deny more: inline policy new" in note for note in answer.aws_notes)


def test_what_can_of_a_broken_chain_has_no_aws_identity():
    data = irsa()
    data.set_trust(irsa_statement("system:serviceaccount:default:other-sa"))
    answer = service_account(data)
    assert (answer.aws_identity, answer.in_aws) == ("", ())


def test_what_can_gives_what_was_not_read_as_a_condition_of_the_identity():
    answer = what_can_service_account(irsa().graph(not_read="oidc_providers"), *KEY)
    assert answer.aws_identity.endswith(", if oidc_providers is as required (not read)")
    assert "not read: oidc_providers: AccessDenied" in answer.aws_notes


def test_what_can_of_a_principal_has_its_permissions_in_aws():
    user = arn("user/eks-ope")
    data = irsa()
    tagged = allow("s3:GetObject", "arn:aws:s3:::home/${aws:username}")
    data.principals[user] = IamPrincipal(user, inline_policies={"home": document(tagged, DENY)})
    answer = what_can_principal(data.graph(), user)
    assert answer.aws_identity == user
    assert words(answer.in_aws) == ["s3:GetObject on arn:aws:s3:::home/eks-ope"]
    assert words(answer.denied_in_aws) == ["s3:GetObject on arn:aws:s3:::secret/*"]
    missing = what_can_principal(data.graph(), arn("user/missing"))
    assert (missing.identity, missing.aws_identity, missing.in_aws) == ("", "", ())


def test_what_can_of_a_principal_that_was_not_read_says_so():
    answer = what_can_principal(irsa().graph(not_read="principals"), ROLE_ARN)
    assert answer.aws_identity == ""
    assert "permissions in AWS are not evaluated" in answer.aws_notes[0]
