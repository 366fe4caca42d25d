"""Drift of a cluster: what differs from the states, and what is in no state."""

import shlex
from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest
import yaml

from eks_access.graph.aws_objects import IamPrincipal, OidcProvider, PodIdentityAssociation, Unknown
from eks_access.graph.kubernetes_objects import ServiceAccount
from eks_access.graph.tables import Part, Table
from eks_access.questions.drift.find_drift import find_drift
from eks_access.questions.drift.find_iam_drift import find_iam_drift
from eks_identity.model.annotations import ROLE_ARN
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.expiry import EXPIRES_TAG
from eks_identity.model.rbac import Rule
from support.access_graphs import CREATED, LATER, Objects, arn, binding, group, role

TODAY = date(2026, 6, 1)
ALICE, BOB, CAROL, NODES = (arn(f"user/{name}") for name in ("alice", "bob", "carol", "nodes"))
APP = arn("role/app")
ADMIN = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy")
VIEW = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")
READ_PODS = (Rule(("get", "list"), ("pods",), ("",)),)


def allow(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


PODS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
DECLARED = Objects(
    principals={
        **{each: IamPrincipal(each, created_at=CREATED) for each in (ALICE, BOB, CAROL)},
        APP: IamPrincipal(
            APP,
            created_at=CREATED,
            trust_policy=PODS_TRUST,
            inline_policies={"own": allow("s3:GetObject")},
            other_policies=Unknown("not in the state"),
        ),
    },
    entries={ALICE: ExistingEntry(ALICE, "alice", ("viewers",), created_at=CREATED)},
    aws_auth={"mapUsers": yaml.safe_dump([{"userarn": BOB, "username": "bob", "groups": ["viewers"]}])},
    associations={("default", "app"): PodIdentityAssociation("a-1", "default", "app", APP)},
    service_accounts={("default", "app"): ServiceAccount("default", "app")},
    rbac_roles=role("view", READ_PODS),
    rbac_bindings=binding("viewers", "view", group("viewers")),
)
LIVE = DECLARED.changed(
    principals={**DECLARED.principals, APP: replace(DECLARED.principals[APP], other_policies=None)},
    entries={
        **DECLARED.entries,
        NODES: ExistingEntry(NODES, "system:node:{{EC2PrivateDNSName}}", ("system:nodes",), "EC2_LINUX"),
    },
    rbac_roles={**DECLARED.rbac_roles, **role("system:basic", READ_PODS), **role("eks:view", READ_PODS)},
    rbac_bindings={
        **DECLARED.rbac_bindings,
        **binding("system:basic", "system:basic", group("system:authenticated")),
        **binding("eks:view", "eks:view", group("eks:viewers")),
    },
)


def state(objects=DECLARED):
    """The graph of a state, which knows only what its stack declares."""
    graph = objects.graph()
    partial = ("principals", "entries", "associations", "rbac_roles", "rbac_bindings", "service_accounts")
    tables = {name: Table.partial(getattr(objects, name), name, "not in the state") for name in partial}
    return replace(graph, source="state of stack dev", **tables)


def drift(live, *states, **options):
    return find_drift(states or [state()], live.graph(), today=TODAY, **options)


def sentences(found):
    return [sentence for change in found.changes for sentence in change.sentences()]


def test_drift_of_a_cluster_that_equals_its_state_is_empty():
    found = drift(LIVE)
    assert (found.difference.changes, found.difference.not_evaluated, found.unmanaged, found.expired) == ((),) * 4
    assert found.restored is None


MIGRATED = ExistingEntry(CAROL, "carol", ("viewers", "ops"), policies=(VIEW, ADMIN))


def migrated(*states):
    """The states, with one of a stack whose migration created the access entry."""
    entries = {CAROL: msgspec.json.decode(msgspec.json.encode(MIGRATED.access()))}
    return [*states, replace(state(), migrated_entries=entries)]


def test_access_entry_of_a_migration_is_in_the_state_that_has_the_migration():
    """EKS may return groups and policies in another order."""
    read = replace(MIGRATED, groups=("ops", "viewers"), policies=(ADMIN, VIEW), created_at=LATER)
    live = LIVE.changed(entries={**LIVE.entries, CAROL: read})
    found = drift(live, *migrated())
    assert (found.difference.changes, found.unmanaged) == ((), ())
    assert [each.object for each in drift(live).unmanaged] == [f"access entry of {CAROL}"]


@pytest.mark.parametrize("change", [{"groups": ("viewers", "ops", "more")}, {"username": "root"}, {"policies": ()}])
def test_access_entry_of_a_migration_with_other_access_is_in_no_state(change):
    live = LIVE.changed(entries={**LIVE.entries, CAROL: replace(MIGRATED, **change)})
    found = drift(live, *migrated())
    assert [each.object for each in found.unmanaged] == [f"access entry of {CAROL}"]


def test_deleted_access_entry_of_a_migration_is_no_loss():
    """`ClusterAccess` with `adopt` may have deleted it: the migration does not manage it."""
    found = drift(LIVE, *migrated())
    assert (found.difference.changes, found.unmanaged, found.restored) == ((), (), None)


BY_HAND = {
    "access entry": (
        {"entries": {**LIVE.entries, CAROL: ExistingEntry(CAROL, "carol", (), policies=(ADMIN,))}},
        f"access entry of {CAROL}",
        f"aws eks delete-access-entry --region ap-northeast-1 --cluster-name eks-clu --principal-arn {CAROL}",
    ),
    "aws-auth mapping": (
        {
            "aws_auth": {
                "mapUsers": LIVE.aws_auth["mapUsers"]
                + yaml.safe_dump([{"userarn": CAROL, "username": "carol", "groups": ["viewers"]}])
            }
        },
        f"aws-auth entry of {CAROL}",
        "kubectl -n kube-system patch configmap aws-auth",
    ),
    "binding": (
        {"rbac_bindings": {**LIVE.rbac_bindings, **binding("by-hand", "view", group("carols"))}},
        "ClusterRoleBinding by-hand",
        "kubectl delete clusterrolebinding by-hand",
    ),
    "inline policy": (
        {
            "principals": {
                **LIVE.principals,
                APP: replace(
                    LIVE.principals[APP], inline_policies={"own": allow("s3:GetObject"), "more": allow("s3:PutObject")}
                ),
            }
        },
        f"inline policy more of {APP}",
        "aws iam delete-role-policy --role-name app --policy-name more",
    ),
    "access policy": (
        {"entries": {**LIVE.entries, ALICE: replace(LIVE.entries[ALICE], policies=(VIEW,))}},
        f"access policy AmazonEKSViewPolicy of {ALICE}",
        "aws eks disassociate-access-policy",
    ),
    "association": (
        {
            "associations": {**LIVE.associations, ("web", "app"): PodIdentityAssociation("a-2", "web", "app", APP)},
            "service_accounts": {**LIVE.service_accounts, ("web", "app"): ServiceAccount("web", "app")},
        },
        "Pod Identity association of web/app",
        "aws eks delete-pod-identity-association --region ap-northeast-1 --cluster-name eks-clu --association-id a-2",
    ),
}


@pytest.mark.parametrize(("change", "name", "removal"), BY_HAND.values(), ids=BY_HAND.keys())
def test_drift_lists_access_added_by_hand_with_the_command_that_removes_it(change, name, removal):
    found = drift(LIVE.changed(**change))
    (unmanaged,) = found.unmanaged
    assert unmanaged.object == name
    assert shlex.join(shlex.split(str(unmanaged.removal))).startswith(removal)
    assert found.difference.changes
    assert all(change.is_broadened or not change.had_access for change in found.difference.changes)
    assert found.restored is None, "an update does not remove what is in no state"


@pytest.mark.parametrize(("change", "name", "_"), BY_HAND.values(), ids=BY_HAND.keys())
def test_drift_leaves_out_ignored_access(change, name, _):
    found = drift(LIVE.changed(**change), ignored=[f"{name[:-1]}?"])
    assert (found.unmanaged, found.difference.changes) == ((), ())


def test_drift_shows_what_the_update_brings_back():
    found = drift(LIVE.changed(rbac_bindings={}))
    assert sentences(found.difference) == [
        f"{ALICE} loses get, list on pods, whole cluster",
        f"{BOB} loses get, list on pods, whole cluster",
    ]
    assert sentences(found.restored) == [
        f"{ALICE} gains get, list on pods, whole cluster",
        f"{BOB} gains get, list on pods, whole cluster",
    ]


def test_drift_of_a_deleted_access_entry_is_a_loss():
    found = drift(LIVE.changed(entries={}))
    assert sentences(found.difference)[0].startswith(f"{ALICE} loses get, list on pods, whole cluster")
    assert found.unmanaged == ()


def test_drift_reads_the_states_of_all_stacks_of_a_cluster():
    """Access that another stack declares is not access in no state."""
    by_hand, name, _ = BY_HAND["access entry"]
    other = Objects(entries={CAROL: by_hand["entries"][CAROL]}, principals={CAROL: LIVE.principals[CAROL]})
    live = LIVE.changed(**by_hand)
    assert [each.object for each in drift(live).unmanaged] == [name]
    found = drift(live, state(), state(other))
    assert (found.unmanaged, found.difference.changes) == ((), ())


def test_drift_lists_only_the_oldest_administrator_as_the_creator_of_the_cluster():
    creator = ExistingEntry(BOB, "bob", policies=(ADMIN,), created_at=CREATED + timedelta(minutes=9))
    later = ExistingEntry(CAROL, "carol", policies=(ADMIN,), created_at=CREATED + timedelta(minutes=12))
    graph = LIVE.changed(entries={**LIVE.entries, BOB: creator, CAROL: later}, aws_auth={}).graph()
    live = replace(graph, cluster=Part.of(replace(graph.cluster.get(), created_at=CREATED)))
    found = find_drift([state(DECLARED.changed(aws_auth={}))], live, today=TODAY)
    assert [each.object for each in found.unmanaged] == [f"access entry of {CAROL}"]
    late = replace(live, cluster=Part.of(replace(graph.cluster.get(), created_at=CREATED - timedelta(days=1))))
    found = find_drift([state(DECLARED.changed(aws_auth={}))], late, today=TODAY)
    assert len(found.unmanaged) == 2


def test_drift_ignores_aws_auth_in_mode_api():
    by_hand = BY_HAND["aws-auth mapping"][0]
    found = drift(LIVE.changed(**by_hand, mode="API"), state(DECLARED.changed(mode="API")))
    assert found.unmanaged == ()


def test_drift_lists_annotations_of_roles():
    annotated = {("default", "app"): ServiceAccount("default", "app", {ROLE_ARN: APP})}
    (unmanaged,) = drift(LIVE.changed(service_accounts=annotated)).unmanaged
    assert unmanaged.object == "annotation of service account default/app"
    assert str(unmanaged.removal).endswith(f"{ROLE_ARN}-")


def test_drift_lists_expired_access():
    entry = replace(LIVE.entries[ALICE], tags={EXPIRES_TAG: "2026-05-31"})
    entries = {**LIVE.entries, ALICE: entry}
    found = drift(LIVE.changed(entries=entries), state(DECLARED.changed(entries={ALICE: entry})))
    (expired,) = found.expired
    assert expired.says == "ended after 2026-05-31"
    assert not found.difference.changes


def test_drift_of_a_role_that_was_created_again_is_a_loss():
    """EKS compares unique ids: the access entry of the former principal is dead."""
    live = LIVE.changed(principals={**LIVE.principals, ALICE: IamPrincipal(ALICE, created_at=LATER)})
    assert sentences(drift(live).difference)[0].startswith(f"{ALICE} loses")


def test_drift_of_a_principal_and_an_entry_of_the_same_second_is_empty():
    """A state has the time of an access entry without fractions of a second, and of a user no time but the id."""
    second = timedelta(seconds=1)
    user = IamPrincipal(ALICE, "AIDA1")
    declared = state(DECLARED.changed(principals={**DECLARED.principals, ALICE: user}))
    entry = replace(LIVE.entries[ALICE], created_at=CREATED + 0.4 * second)
    existing = replace(user, created_at=CREATED + 0.2 * second)
    live = LIVE.changed(principals={**LIVE.principals, ALICE: existing}, entries={**LIVE.entries, ALICE: entry})
    assert drift(live, declared).difference.changes == ()
    replaced = replace(existing, unique_id="AIDA2", created_at=CREATED + second)
    live = live.changed(principals={**LIVE.principals, ALICE: replaced})
    assert sentences(drift(live, declared).difference)[0].startswith(f"{ALICE} loses")


def test_drift_without_permission_is_not_evaluated():
    live = replace(LIVE.graph(), rbac_bindings=Table.not_read("bindings", "forbidden"))
    found = find_drift([state()], live, today=TODAY)
    assert "bindings: forbidden" in map(str, found.difference.not_evaluated)


DEPLOY, READ = arn("role/deploy"), arn("policy/read")
CI_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"},
    ],
}
IAM = Objects(
    principals={
        DEPLOY: IamPrincipal(
            DEPLOY,
            trust_policy=CI_TRUST,
            inline_policies={"own": allow("s3:GetObject")},
            attached_policies=(READ,),
            other_policies=Unknown("not in the state"),
        )
    },
    policies={READ: allow("eks:DescribeCluster")},
)
IAM_LIVE = IAM.changed(principals={DEPLOY: replace(IAM.principals[DEPLOY], other_policies=None)})


def without_cluster(objects):
    return replace(objects.graph(), cluster=Part.not_read("cluster", "there is none"))


def role_with(**changes):
    return IAM_LIVE.changed(principals={DEPLOY: replace(IAM_LIVE.principals[DEPLOY], **changes)})


WIDER = {**CI_TRUST, "Statement": [{**CI_TRUST["Statement"][0], "Principal": {"AWS": [ALICE, BOB]}}]}
IAM_CHANGES = {
    "trust": (role_with(trust_policy=WIDER), f"{DEPLOY} may be assumed by {BOB}"),
    "permissions": (role_with(inline_policies={"own": allow("s3:*")}), f"{DEPLOY} gains s3:* on *"),
    "detached": (role_with(attached_policies=()), f"{DEPLOY} loses eks:DescribeCluster on *"),
    "policy": (IAM_LIVE.changed(policies={READ: allow("eks:*")}), f"{READ} gains eks:* on *"),
    "deleted": (IAM_LIVE.changed(principals={}), "and has no access any more"),
}


def test_drift_of_iam_that_equals_its_state_is_empty():
    found = find_iam_drift(without_cluster(IAM), without_cluster(IAM_LIVE))
    assert (found.difference.changes, found.difference.not_evaluated, found.unmanaged) == ((),) * 3
    assert found.restored is None


@pytest.mark.parametrize(("live", "sentence"), IAM_CHANGES.values(), ids=IAM_CHANGES)
def test_drift_of_iam_reports_changes_by_hand(live, sentence):
    found = find_iam_drift(without_cluster(IAM), without_cluster(live))
    assert any(sentence in each for each in sentences(found.difference)), sentences(found.difference)
    assert found.restored


def test_drift_of_iam_lists_policies_in_no_state_unless_ignored():
    live = role_with(attached_policies=(READ, "arn:aws:iam::aws:policy/AdministratorAccess"))
    found = find_iam_drift(without_cluster(IAM), without_cluster(live))
    assert [each.object for each in found.unmanaged] == [
        f"attached policy arn:aws:iam::aws:policy/AdministratorAccess of {DEPLOY}"
    ]
    ignored = find_iam_drift(without_cluster(IAM), without_cluster(live), ignored=["attached policy *"])
    assert (ignored.unmanaged, ignored.difference.changes) == ((), ())


def test_drift_of_iam_does_not_decide_what_it_cannot_read():
    live = replace(without_cluster(IAM_LIVE), principals=Table.not_read("IAM principals", "AccessDenied: iam:GetRole"))
    found = find_iam_drift(without_cluster(IAM), live)
    assert "AccessDenied: iam:GetRole" in str(found.difference.not_evaluated)


def test_drift_of_iam_names_oidc_providers_that_differ():
    provider = OidcProvider(arn("oidc-provider/ci.example.com"), "ci.example.com", ("sts.amazonaws.com",))
    state, live = (
        IAM_LIVE.changed(oidc_providers={provider.arn: each})
        for each in (provider, replace(provider, audiences=("sts.amazonaws.com", "other")))
    )
    found = find_iam_drift(without_cluster(state), without_cluster(live))
    (not_evaluated,) = map(str, found.difference.not_evaluated)
    assert "audiences sts.amazonaws.com in the state, other, sts.amazonaws.com in the account" in not_evaluated


@pytest.mark.parametrize("name", ["trust", "permissions", "detached", "deleted"])
def test_drift_of_a_cluster_reports_changes_of_roles_that_no_service_account_uses(name):
    live, _ = IAM_CHANGES[name]
    declared = DECLARED.changed(principals={**DECLARED.principals, **IAM.principals}, policies=IAM.policies)
    objects = LIVE.changed(principals={**LIVE.principals, **live.principals}, policies=IAM.policies)
    found = drift(objects, state(declared)).difference
    assert [change.subject for change in found.changes] == ["role deploy"]
