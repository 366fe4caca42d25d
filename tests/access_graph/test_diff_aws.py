"""`diff` says in words what service accounts gain and lose in AWS, by what policies allow and not by their text."""

from dataclasses import replace

import pytest

from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.graph.kubernetes_objects import ServiceAccount
from eks_access.graph.tables import Part, Table
from eks_access.questions.changes import System
from eks_access.questions.diff import diff
from support.workload_chains import (
    AUDIENCE,
    ISSUER,
    KEY,
    OTHER_ACCOUNT,
    POLICY_ARN,
    ROLE_ANNOTATION,
    ROLE_ARN,
    TARGET_ROLE_ARN,
    allow,
    chained,
    document,
    irsa,
    irsa_statement,
    pod_identity,
    provider_arn,
)

ACCOUNT = "service account default/test-sa"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
DENY = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}


def chain(*statements, boundary=None, make=irsa, trust=None, **role):
    """A chain whose role has an inline policy of these statements."""
    data = make()
    data.set_role(inline_policies={"app": document(*statements)}, attached_policies=(), **role)
    if boundary is not None:
        data.policies[BOUNDARY] = document(*boundary)
        data.set_role(boundary=BOUNDARY)
    if trust is not None:
        data.set_trust(*trust)
    return data


def difference(before, after):
    return diff(before.graph(), after.graph())


def sentences(before, after):
    return [sentence for change in difference(before, after).changes for sentence in change.sentences()]


def undecided(before, after):
    return [str(each) for each in difference(before, after).not_evaluated]


def test_diff_says_what_a_service_account_loses_in_aws():
    after = irsa()
    after.set_role(attached_policies=())
    (change,) = difference(irsa(), after).changes
    assert list(change.sentences()) == [f"{ACCOUNT} loses s3:Get*, s3:List* on *"]
    assert (change.system, change.is_broadened) == (System.AWS, False)


def test_diff_of_equal_chains_has_no_change_in_aws():
    assert sentences(irsa(), irsa()) == []
    assert difference(irsa(), irsa()).not_evaluated == ()


READ = allow(["s3:List*", "s3:Get*"])
EQUAL = {
    "moved to another policy": (
        [READ, allow("sqs:SendMessage")],
        {"inline_policies": {"a": document(allow("sqs:SendMessage")), "b": document(READ)}},
    ),
    "split by action": ([READ], {"inline_policies": {"a": document(allow("s3:Get*"), allow("s3:List*"))}}),
    "joined by resource": (
        [allow("s3:Get*", "arn:aws:s3:::a/*"), allow("s3:Get*", "arn:aws:s3:::b/*")],
        {"inline_policies": {"a": document(allow("s3:Get*", ["arn:aws:s3:::b/*", "arn:aws:s3:::a/*"]))}},
    ),
    "a statement within another": ([READ], {"inline_policies": {"a": document(READ, allow("s3:GetObject"))}}),
    "another case of the actions": ([READ], {"inline_policies": {"a": document(allow(["S3:list*", "s3:GET*"]))}}),
    "moved to a managed policy": ([READ], {"inline_policies": {}, "attached_policies": (POLICY_ARN,)}),
    "a Deny of what is not allowed": (
        [READ],
        {"inline_policies": {"a": document(READ, {**DENY, "Action": "sqs:*"})}},
    ),
}


@pytest.mark.parametrize(("before", "role"), EQUAL.values(), ids=EQUAL)
def test_diff_ignores_statements_that_are_moved_split_or_joined(before, role):
    after = irsa()
    after.set_role(**{"attached_policies": (), **role})
    assert sentences(chain(*before), after) == []
    assert undecided(chain(*before), after) == []


REGION = {"StringEquals": {"aws:RequestedRegion": "ap-northeast-1"}}
CHANGES = {
    "one more action": ([allow("s3:Get*")], [READ], [f"{ACCOUNT} gains s3:List* on *"]),
    "a wider resource": (
        [allow("s3:GetObject", "arn:aws:s3:::a/*")],
        [allow("s3:GetObject", "arn:aws:s3:::*")],
        [f"{ACCOUNT} gains s3:GetObject on arn:aws:s3:::*"],
    ),
    "one more resource": (
        [allow("s3:GetObject", "arn:aws:s3:::a/*")],
        [allow("s3:GetObject", ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])],
        [f"{ACCOUNT} gains s3:GetObject on arn:aws:s3:::b/*"],
    ),
    "a condition removed": (
        [{**allow("s3:GetObject"), "Condition": REGION}],
        [allow("s3:GetObject")],
        [f"{ACCOUNT} gains s3:GetObject on *"],
    ),
    "a condition added": (
        [allow("s3:GetObject")],
        [{**allow("s3:GetObject"), "Condition": REGION}],
        [f"{ACCOUNT} loses s3:GetObject on *"],
    ),
    "a statement with a condition": (
        [allow("s3:ListBucket")],
        [allow("s3:ListBucket"), {**allow("s3:GetObject"), "Condition": REGION}],
        [f"{ACCOUNT} gains s3:GetObject on *, if StringEquals aws:RequestedRegion ap-northeast-1"],
    ),
    "a Deny removed": ([READ, DENY], [READ], [f"{ACCOUNT} gains s3:GetObject on *"]),
    "a Deny added": ([READ], [READ, DENY], [f"{ACCOUNT} loses s3:GetObject on *"]),
    "a Deny that gets a condition": (
        [READ, DENY],
        [READ, {**DENY, "Condition": REGION}],
        [f"{ACCOUNT} gains s3:GetObject on *"],
    ),
    "Allow with NotAction": (
        [],
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        [f"{ACCOUNT} gains all actions except iam:* on *"],
    ),
    "a NotAction less": (
        [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}],
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        [f"{ACCOUNT} gains all actions except iam:* on *"],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES.values(), ids=CHANGES)
def test_diff_says_what_statements_grant_and_withhold(before, after, expected):
    assert sentences(chain(*before), chain(*after)) == expected


BOUNDARIES = {
    "removed": ([allow("s3:Get*")], None, [f"{ACCOUNT} gains s3:List* on *"]),
    "widened": ([allow("s3:GetObject")], [allow("s3:*")], [f"{ACCOUNT} gains s3:Get*, s3:List* on *"]),
    "widened beside the permissions": ([allow("s3:*")], [allow("*")], []),
    "added": (None, [allow("s3:Get*", "arn:aws:s3:::a/*")], [f"{ACCOUNT} loses s3:Get*, s3:List* on *"]),
    "with NotAction": (
        [{"Effect": "Allow", "NotAction": "s3:List*", "Resource": "*"}],
        None,
        [f"{ACCOUNT} gains s3:List* on *"],
    ),
    "with a Deny less": ([allow("*"), DENY], [allow("*")], [f"{ACCOUNT} gains s3:GetObject on *"]),
}


@pytest.mark.parametrize(("before", "after", "expected"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_diff_reads_the_permissions_boundary(before, after, expected):
    assert sentences(chain(READ, boundary=before), chain(READ, boundary=after)) == expected


def test_diff_lists_a_boundary_whose_common_permissions_cannot_be_written():
    before, after = chain(allow("s3:*Object"), boundary=[allow("s3:Get*")]), chain(allow("s3:*Object"))
    assert sentences(before, after) == []
    assert "cannot be written as one statement" in str(undecided(before, after))


def test_diff_lists_policies_whose_document_is_unknown():
    after = chain(READ)
    after.set_role(inline_policies={"app": document(READ), "new": Unknown("document of aws:iam/rolePolicy:RolePolicy")})
    assert sentences(chain(READ), after) == [f"{ACCOUNT} gains the actions of inline policy new on its resources"]
    assert "inline policy new" in str(undecided(chain(READ), after))


def test_diff_lists_a_policy_whose_new_document_is_unknown():
    after = chain(READ)
    after.set_role(inline_policies={"app": Unknown("document of aws:iam/rolePolicy:RolePolicy")})
    assert sentences(chain(READ), after) == []
    assert "inline policy app" in str(undecided(chain(READ), after))


def test_diff_lists_a_managed_policy_that_the_source_lacks():
    after = chain(READ)
    after.set_role(attached_policies=("arn:aws:iam::aws:policy/Missing",))
    actions = "the actions of arn:aws:iam::aws:policy/Missing on its resources"
    assert sentences(chain(READ), after) == [f"{ACCOUNT} gains {actions}"]
    assert sentences(after, chain(READ)) == [f"{ACCOUNT} loses {actions}"]
    assert "arn:aws:iam::aws:policy/Missing: the source has no document of it" in str(undecided(chain(READ), after))


def test_diff_compares_the_other_policies_of_a_role_that_keeps_an_unknown_one():
    attached = {"attached_policies": ("arn:aws:iam::aws:policy/Missing",)}
    before, after = chain(allow("s3:Get*")), chain(READ)
    before.set_role(**attached)
    after.set_role(**attached)
    assert sentences(before, after) == [f"{ACCOUNT} gains s3:List* on *"]
    assert "Missing" in str(undecided(before, after))


def test_diff_ignores_why_two_sources_lack_the_same_parts():
    policy = "arn:aws:iam::aws:policy/Missing"

    def source(reason, *statements):
        data = chain(*statements, make=pod_identity)
        data.set_role(attached_policies=(policy,))
        policies = Table.partial({}, "IAM policy", reason)
        return replace(data.graph(), policies=policies, has_pod_identity_agent=Part.not_read("agent", reason))

    found = diff(source("not in the state", allow("s3:Get*")), source("not in the preview", READ))
    assert [sentence for change in found.changes for sentence in change.sentences()] == [
        f"{ACCOUNT} gains s3:List* on *"
    ]
    assert not any(each.part.startswith("whether") for each in found.not_evaluated)
    assert policy in str(found.not_evaluated)


def test_diff_says_that_a_service_account_has_no_role_any_more():
    after = irsa()
    after.annotate()
    assert sentences(irsa(), after) == [f"{ACCOUNT} loses s3:Get*, s3:List* on *, and has no access any more"]


def test_diff_of_a_broken_trust_policy_is_the_loss_of_the_permissions():
    after = irsa()
    after.set_trust(irsa_statement("system:serviceaccount:default:other-sa"))
    found = sentences(irsa(), after)
    assert found[0] == f"{ACCOUNT} loses s3:Get*, s3:List* on *, and has no access any more"
    assert found[1:] == [
        "role sa-role may be assumed by service account default/other-sa",
        "role sa-role may no longer be assumed by service account default/test-sa",
    ]


def test_diff_knows_the_session_tags_of_pod_identity():
    tagged = allow("s3:GetObject", "arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/*")
    written = allow("s3:GetObject", "arn:aws:s3:::b/default/*")
    before, after = chain(tagged, make=pod_identity), chain(written, make=pod_identity)
    assert sentences(before, after) == []
    assert sentences(chain(tagged), chain(written)) == [f"{ACCOUNT} gains s3:GetObject on arn:aws:s3:::b/default/*"]


def test_diff_reads_the_policies_of_the_target_role_and_the_session_policy():
    after = chained()
    after.set_role(arn=TARGET_ROLE_ARN, inline_policies={})
    assert sentences(chained(), after) == [f"{ACCOUNT} loses s3:Get*, s3:List* on *"]
    limited = pod_identity()
    limited.set_association(session_policy=document(allow("s3:Get*")), disable_session_tags=True)
    assert sentences(pod_identity(), limited) == [f"{ACCOUNT} loses s3:List* on *"]


def test_diff_of_another_role_with_equal_policies_lists_resource_policies():
    after = irsa()
    other = ROLE_ARN + "-2"
    after.principals[other] = replace(after.principals[ROLE_ARN], arn=other)
    after.annotate(**{ROLE_ANNOTATION: other})
    assert not any(each.startswith(ACCOUNT) for each in sentences(irsa(), after))
    assert "resource-based policies that name the role" in str(undecided(irsa(), after))


def test_diff_says_nothing_of_a_role_that_a_preview_does_not_know():
    after = irsa()
    after.accounts[KEY] = ServiceAccount(*KEY, {ROLE_ANNOTATION: Unknown("arn of aws:iam/role:Role app")})
    assert sentences(irsa(), after) == []
    assert "role of service account default/test-sa" in str(undecided(irsa(), after))


def subject(pattern, operator="StringLike", **conditions):
    sub = {f"{ISSUER}:sub": pattern}
    statement = irsa_statement()
    return {**statement, "Condition": {"StringEquals": {f"{ISSUER}:aud": AUDIENCE}, operator: sub, **conditions}}


def without_subject():
    return {**irsa_statement(), "Condition": {"StringEquals": {f"{ISSUER}:aud": AUDIENCE}}}


TRUSTS = {
    "a wildcard subject": (
        [irsa_statement(), subject("system:serviceaccount:*:test-sa")],
        ["role sa-role may be assumed by service accounts that match */test-sa"],
    ),
    "another namespace": (
        [irsa_statement(), irsa_statement("system:serviceaccount:web:test-sa")],
        ["role sa-role may be assumed by service account web/test-sa"],
    ),
    "no subject": ([without_subject()], ["role sa-role may be assumed by every service account of the cluster"]),
    "another account": (
        [
            irsa_statement(),
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
        ],
        [f"role sa-role may be assumed by principals of account {OTHER_ACCOUNT}"],
    ),
    "everybody with an external id": (
        [
            irsa_statement(),
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "sts:*",
                "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
            },
        ],
        ["role sa-role may be assumed by every AWS principal, if StringEquals sts:ExternalId x"],
    ),
    "another cluster": (
        [irsa_statement(), irsa_statement(issuer="oidc.example.com/id/B")],
        ["role sa-role may be assumed by service account default/test-sa of issuer oidc.example.com/id/B"],
    ),
    "only other actions": ([{**irsa_statement(), "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]}], []),
    "split": ([irsa_statement(), irsa_statement()], []),
}


@pytest.mark.parametrize(("trust", "expected"), TRUSTS.values(), ids=TRUSTS)
def test_diff_says_who_may_assume_the_role_of_a_workload(trust, expected):
    after = irsa()
    after.set_trust(*trust)
    found = difference(irsa(), after)
    assert [sentence for change in found.changes for sentence in change.sentences()] == expected
    assert all(change.is_broadened for change in found.changes)
    assert found.not_evaluated == ()


def test_diff_lists_a_trust_policy_with_an_unknown_element():
    after = irsa()
    after.set_trust(irsa_statement(), {**irsa_statement(), "Unless": {}})
    assert sentences(irsa(), after) == []
    assert "who may assume role" in str(undecided(irsa(), after))


def test_diff_of_a_new_workload_says_what_it_gains_once():
    before = irsa()
    del before.principals[ROLE_ARN]
    before.annotate()
    assert sentences(before, irsa()) == [f"{ACCOUNT} gains s3:Get*, s3:List* on *"]


def test_diff_compares_the_roles_of_a_group_of_service_accounts_once():
    def many(statement):
        data = chain(statement)
        data.set_trust(subject("system:serviceaccount:default:*"))
        for index in range(50):
            data.accounts["default", f"sa-{index}"] = ServiceAccount(
                "default", f"sa-{index}", data.accounts[KEY].annotations
            )
        return data

    assert len(sentences(many(allow("s3:Get*")), many(READ))) == 51


def test_diff_needs_the_provider_of_the_cluster():
    after = irsa()
    after.providers.clear()
    assert sentences(irsa(), after) == [f"{ACCOUNT} loses s3:Get*, s3:List* on *, and has no access any more"]
    unread = diff(irsa().graph(), irsa().graph(not_read="oidc_providers"))
    assert unread.changes == ()
    assert provider_arn() in str(unread.not_evaluated) or "oidc" in str(unread.not_evaluated).lower()


def test_diff_names_a_role_of_another_account_by_its_arn():
    after = chained()
    trust = after.principals[TARGET_ROLE_ARN].trust_policy
    eve = f"arn:aws:iam::{OTHER_ACCOUNT}:user/eve"
    user = {"Effect": "Allow", "Principal": {"AWS": eve}, "Action": "sts:AssumeRole"}
    after.principals[TARGET_ROLE_ARN] = IamPrincipal(
        TARGET_ROLE_ARN,
        trust_policy=document(*trust["Statement"], user),
        inline_policies=after.principals[TARGET_ROLE_ARN].inline_policies,
    )
    assert sentences(chained(), after) == [f"role {TARGET_ROLE_ARN} may be assumed by {eve}"]
