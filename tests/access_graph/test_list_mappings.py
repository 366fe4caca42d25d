"""`list` shows access entries and aws-auth side by side, with the faulty and the useless ones."""

from dataclasses import replace
from datetime import timedelta

import pytest

from eks_access.catalogue import cluster_access as kinds
from eks_access.catalogue.policies import ACCESS_EXPIRED
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.questions.list_mappings import list_mappings
from eks_identity.model.existing_entries import ExistingEntry
from support.access_graphs import CREATED, LATER, Objects, arn

USER = arn("user/eks-ope")
ROLE = arn("role/team/deployers")
SSO = arn("role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef")
NOW = LATER + timedelta(days=1)
USERS = f"- userarn: {USER}\n  username: eks-ope\n  groups: [operators]\n"
ROLES = f"- rolearn: {arn('role/deployers')}\n  username: deployer\n  groups: [deployers]\n"
PRINCIPALS = {
    USER: IamPrincipal(USER, "AIDA1", CREATED),
    ROLE: IamPrincipal(ROLE, "AROA1", CREATED, trust_policy={}, last_used_at=LATER),
    SSO: IamPrincipal(SSO, "AROA2", CREATED, trust_policy={}, last_used_at=LATER),
}
ENTRY = ExistingEntry(SSO, "sso", ("operators",), created_at=LATER)
HEALTHY = Objects(principals=PRINCIPALS, entries={SSO: ENTRY}, aws_auth={"mapUsers": USERS, "mapRoles": ROLES})


def found(objects, now=NOW):
    return [(finding.kind, finding.subject) for finding in list_mappings(objects.graph(), now).findings]


def test_list_shows_entries_and_aws_auth_side_by_side():
    listed = list_mappings(HEALTHY.graph(), NOW)
    rows = {(row.arn, row.effective, row.username, row.groups, row.permission_set) for row in listed.mappings}
    assert rows == {
        (USER, "aws-auth", "eks-ope", ("operators",), ""),
        (ROLE, "aws-auth", "deployer", ("deployers",), ""),
        (SSO, "access entry", "sso", ("operators",), "Ops"),
    }
    assert listed.findings == ()


def test_list_shows_the_accounts_of_map_accounts():
    listed = list_mappings(HEALTHY.changed(aws_auth={"mapAccounts": "- '123456789012'\n"}).graph(), NOW)
    assert listed.accounts == ("123456789012",)


def aws_auth(users="", roles=""):
    return HEALTHY.changed(aws_auth={"mapUsers": users, "mapRoles": roles})


FIRST_USER = "mapUsers[0] of ConfigMap kube-system/aws-auth"
FIRST_ROLE = "mapRoles[0] of ConfigMap kube-system/aws-auth"
ENTRY_OF_SSO = f"access entry of {SSO}"
FAULTS = {
    "duplicate": (aws_auth(USERS + USERS), kinds.AWS_AUTH_DUPLICATE, FIRST_USER),
    "expired": (
        HEALTHY.changed(entries={SSO: replace(ENTRY, tags={"eks-identity/expires": "2026-01-31"})}),
        ACCESS_EXPIRED.kind,
        ENTRY_OF_SSO,
    ),
    "shadowed": (
        HEALTHY.changed(entries={USER: ExistingEntry(USER, "x", ("y",), created_at=LATER)}),
        kinds.MAPPING_SHADOWED,
        FIRST_USER,
    ),
    "dead": (
        HEALTHY.changed(
            principals={**PRINCIPALS, SSO: IamPrincipal(SSO, "AROA3", LATER + timedelta(hours=1), last_used_at=LATER)}
        ),
        kinds.ENTRY_OF_DELETED_PRINCIPAL,
        ENTRY_OF_SSO,
    ),
    "entry of a deleted role": (
        HEALTHY.changed(principals={USER: PRINCIPALS[USER], ROLE: PRINCIPALS[ROLE]}),
        kinds.MAPPING_OF_DELETED_PRINCIPAL,
        ENTRY_OF_SSO,
    ),
    "mapping of a deleted user": (
        aws_auth(USERS.replace("eks-ope", "gone")),
        kinds.MAPPING_OF_DELETED_PRINCIPAL,
        FIRST_USER,
    ),
    "unused role": (
        HEALTHY.changed(principals={**PRINCIPALS, ROLE: replace(PRINCIPALS[ROLE], last_used_at=None)}),
        kinds.UNUSED_ROLE,
        ROLE,
    ),
    "role path": (aws_auth(roles=ROLES.replace("role/", "role/team/")), kinds.AWS_AUTH_ROLE_PATH, FIRST_ROLE),
    "session": (
        aws_auth(roles=ROLES.replace(arn("role/deployers"), "arn:aws:sts::123456789012:assumed-role/deployers/me")),
        kinds.AWS_AUTH_SESSION,
        FIRST_ROLE,
    ),
    "IAM group": (aws_auth(USERS.replace("user/", "group/")), kinds.AWS_AUTH_IAM_GROUP, FIRST_USER),
    "groups as a string": (
        aws_auth(USERS.replace("[operators]", "operators")),
        kinds.AWS_AUTH_MALFORMED_ENTRY,
        FIRST_USER,
    ),
    "broken YAML": (aws_auth("- ["), kinds.AWS_AUTH_UNREADABLE, "mapUsers of ConfigMap kube-system/aws-auth"),
    "entry without groups": (
        HEALTHY.changed(entries={SSO: replace(ENTRY, groups=())}),
        kinds.NO_GROUPS_AND_POLICIES,
        ENTRY_OF_SSO,
    ),
}


@pytest.mark.parametrize(("objects", "kind", "subject"), FAULTS.values(), ids=FAULTS)
def test_list_names_the_faulty_mapping_and_no_other(objects, kind, subject):
    # A role counts as unused 90 days after its creation.
    now = NOW + timedelta(days=100) if kind is kinds.UNUSED_ROLE else NOW
    used = {each: replace(principal, last_used_at=now) for each, principal in objects.principals.items()}
    objects = objects if kind is kinds.UNUSED_ROLE else objects.changed(principals=used)
    names = [found_kind for found_kind, found_subject in found(objects, now) if found_subject == subject]
    others = [found_kind for found_kind, found_subject in found(objects, now) if found_subject != subject]
    assert names == [kind]
    assert kind is kinds.UNUSED_ROLE or others == []


def test_list_reports_ignored_mappings_of_a_cluster_in_the_mode_api_once():
    kind, subject = found(HEALTHY.changed(mode="API"))[0]
    assert (kind.id, subject) == ("aws-auth-ignored", "ConfigMap kube-system/aws-auth")
    assert len(found(HEALTHY.changed(mode="API"))) == 1


def test_list_does_not_call_a_principal_deleted_that_it_could_not_read():
    graph = replace(HEALTHY.graph(), principals=Table.not_read("IAM principals", "AccessDenied"))
    listed = list_mappings(graph, NOW)
    assert listed.findings == ()
    assert {row.exists for row in listed.mappings} == {None}


def test_list_raises_what_it_could_not_read_in_place_of_a_shorter_list():
    graph = replace(HEALTHY.graph(), aws_auth=Part.not_read("ConfigMap aws-auth", "Forbidden"))
    with pytest.raises(NotReadError, match="ConfigMap aws-auth"):
        list_mappings(graph, NOW)
