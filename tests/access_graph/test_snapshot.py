"""A snapshot of a graph answers as the graph itself, and keeps what was not read."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from eks_access.errors import SourceError
from eks_access.findings import Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import (
    IamGroup,
    IamPrincipal,
    OidcProvider,
    PodIdentityAssociation,
    Unknown,
)
from eks_access.graph.kubernetes_objects import BindingSubject, Container, Node, Pod, RbacRole, ServiceAccount
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.questions.trace_principal import trace_principal
from eks_access.sources.snapshot import open_snapshot, save_snapshot, take_snapshot
from eks_identity.evaluation.rbac import Request
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import READ, rule_on
from support.access_graphs import CREATED, LATER, Objects, arn, binding, group, role

USER = arn("user/eks-ope")
ROLE = arn("role/app")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = Objects(
    principals={
        USER: IamPrincipal(USER, "AIDA1", CREATED, groups=("ops",), boundary="arn:aws:iam::aws:policy/X"),
        ROLE: IamPrincipal(
            ROLE,
            trust_policy={"Statement": []},
            inline_policies={"known": {"Statement": []}, "later": Unknown("arn of bucket")},
            attached_policies=("arn:aws:iam::aws:policy/X",),
            tags={"team": "web"},
            last_used_at=LATER,
        ),
    },
    groups={"ops": IamGroup(arn("group/ops"), {"inline": {"Statement": []}})},
    policies={"arn:aws:iam::aws:policy/X": {"Statement": [{"Effect": "Allow"}]}},
    oidc_providers={arn("oidc-provider/x"): OidcProvider(arn("oidc-provider/x"), "x", ("sts.amazonaws.com",))},
    entries={
        USER: ExistingEntry(USER, "ope", ("operators",), policies=(AssociatedPolicy("p", ("a",)),), created_at=LATER)
    },
    aws_auth={"mapUsers": f"- userarn: {USER}\n  username: x\n"},
    associations={("default", "app"): PodIdentityAssociation("a-1", "default", "app", ROLE, Unknown("arn of target"))},
    rbac_roles={
        **role("readers", (rule_on("", "pods", READ),)),
        (None, "all"): RbacRole(None, "all", aggregates=({"a": "b"},), labels={"c": "d"}),
    },
    rbac_bindings=binding("readers", "readers", group("operators"), BindingSubject("ServiceAccount", "x", "default")),
    service_accounts={("default", "app"): ServiceAccount("default", "app", {"eks.amazonaws.com/role-arn": ROLE})},
    pods={
        ("default", "p"): Pod(
            "default", "p", "app", CREATED, "n", containers=(Container("c", "i", {"AWS_REGION": "r"}),)
        )
    },
    nodes={"n": Node("n", {"l": "v"}, "i-1", role_arn=arn("role/node"), metadata_hop_limit=2)},
)


def contents(graph):
    """Every object of a graph by the name of its table."""
    parts = {item.name: getattr(graph, item.name) for item in fields(AccessGraph)}
    return {
        name: part.get() if isinstance(part, Part) else dict(part.all())
        for name, part in parts.items()
        if isinstance(part, Part | Table)
    }


def stored(graph, folder):
    path = folder / "snapshot.json"
    save_snapshot(take_snapshot(graph, NOW), path)
    return open_snapshot(path)


def test_a_snapshot_has_every_object_of_the_graph(tmp_path):
    graph = FULL.graph()
    assert contents(stored(graph, tmp_path)) == contents(graph)
    assert stored(graph, tmp_path).source == "objects made by hand at 2026-03-01 12:00:00 UTC"
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot.json"]


def test_a_snapshot_answers_as_the_graph(tmp_path):
    request = Request("list", "pods", "default")
    live, offline = FULL.graph(), stored(FULL.graph(), tmp_path)
    assert trace_principal(offline, USER, request) == trace_principal(live, USER, request)
    assert trace_principal(offline, USER, request).verdict is Verdict.HOLDS


def test_a_snapshot_keeps_what_was_not_read(tmp_path):
    graph = replace(
        FULL.graph(),
        principals=Table.not_read("IAM principals", "AccessDenied: iam:GetAccountAuthorizationDetails"),
        entries=Table.partial(FULL.entries, "access entry", "not in the state"),
        aws_auth=Part.not_read("ConfigMap aws-auth", "Forbidden"),
    )
    offline = stored(graph, tmp_path)
    for read in (lambda: offline.principals.get(USER), offline.aws_auth.get, lambda: offline.entries.get(ROLE)):
        with pytest.raises(NotReadError):
            read()
    assert offline.entries.get(USER) == FULL.entries[USER]
    assert {str(each) for each in offline.not_read()} == {
        "IAM principals: AccessDenied: iam:GetAccountAuthorizationDetails",
        "ConfigMap aws-auth: Forbidden",
        f"access entry {ROLE}: not in the state",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be a snapshot"),
        ('{"version": 1}', "must be a snapshot"),
        ('{"version": 9, "source": "x", "taken_at": "2026-01-01T00:00:00Z"}', "must have version 1"),
    ],
)
def test_a_file_that_is_no_snapshot_is_rejected(tmp_path, text, message):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        open_snapshot(path)


def test_a_missing_snapshot_is_rejected(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        open_snapshot(tmp_path / "missing.json")
