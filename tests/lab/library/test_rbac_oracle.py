"""The evaluation of RBAC and access policies compared with SubjectAccessReviews of a lab's API server.

Each run has its own seed, which pytest's header shows. `EKS_IDENTITY_CONFORMANCE_SEED` repeats a run, and
`EKS_IDENTITY_CONFORMANCE_CASES` sets the number of questions: `make conformance` asks many. docs/conformance.md has
what such a run found.

The users are those of bindings, and IAM principals as aws-iam-authenticator of the lab authenticates their tokens. The
API server decides by RBAC, and asks the lab's webhook about access policies, which shares no code with the library.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule, RoleRef, Subject
from lightkube.resources.core_v1 import Namespace
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from tenacity import Retrying, stop_after_delay, wait_fixed

from eks_access import AccessGraph
from eks_access.graph.kubernetes_objects import RbacRole
from eks_access.questions.permissions import is_allowed
from eks_access.sources import manifests
from eks_access.sources.live import open_live
from eks_access.sources.pulumi.aggregation import aggregate
from eks_access.sources.snapshot import graph_of, take_snapshot
from eks_identity.clients import kubernetes_api
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterUser, Rights, missing_permissions
from eks_identity.evaluation.rbac import AUTHENTICATED, Grant, Request, RoleKey
from eks_identity.model.arns import Principal
from eks_identity.model.rbac import Rule
from lab.lab_dir import LabDir
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.access_policy_principals import AccessPolicyPrincipals
from support.access_reviews import ReviewedUser, authenticate, review_all, wait_until_allowed
from support.lab_chains.lab_shell import inside_lab
from support.random_rbac import LABEL, NAMESPACES, PREFIX, RBAC_API, RandomRbac, objects_of_everybody

CASES = int(os.environ.get("EKS_IDENTITY_CONFORMANCE_CASES", "300"))
SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
CLUSTER = "irsa"
POLICIES = min(max(CASES // 100, 10), 100)
PRINCIPALS = min(max(CASES // 500, 7), 21)


@dataclass(frozen=True)
class Oracle:
    """A cluster with random policies: what the library reads of it, and who asks."""

    client: Client
    kubeconfig: str
    graph: AccessGraph
    users: list[tuple[ClusterUser, ReviewedUser]]
    """Each user as the library evaluates it, and as the API server authenticates it."""
    generator: RandomRbac
    random: Random


@pytest.fixture(scope="module")
def oracle(running_lab: LabDir, tools: Tools) -> Iterator[Oracle]:
    random = Random(SEED)  # noqa: S311 - policies, no secrets
    generator = RandomRbac(random)
    (kubeconfig,) = running_lab.folder.glob(f"clusters/*-{CLUSTER}-*/admin.kubeconfig")
    principals = AccessPolicyPrincipals(running_lab, CLUSTER, random)
    with Client(config=KubeConfig.from_file(kubeconfig), trust_env=False) as client:
        try:
            created = [principals.create(number) for number in range(PRINCIPALS)]
            create_policies(client, generator)
            with inside_lab(LabClients(running_lab, tools.bin)):
                graph = graph_of(take_snapshot(open_live(CLUSTER)))
            state = graph.cluster_state()
            users = [(user, as_reviewed(user)) for number in range(POLICIES) for user in generator.users(number)]
            for principal in created:
                user = state.user(Principal.parse(principal.arn), principal.session)
                authenticated = authenticate(client, principal.token)
                assert user is not None
                assert authenticated is not None
                users.append((user, authenticated))
            yield Oracle(client, kubeconfig.read_text(), graph, users, generator, random)
        finally:
            principals.delete()
            delete_policies(client)


def as_reviewed(user: ClusterUser) -> ReviewedUser:
    return ReviewedUser(user.username, user.groups)


def create_policies(client: Client, generator: RandomRbac) -> None:
    """Create the objects of all policies, and wait until controller and authorizer have them."""
    for namespace in NAMESPACES:
        client.create(Namespace(metadata=ObjectMeta(name=namespace, labels=LABEL)))
    for document in [
        *objects_of_everybody(),
        *(each for number in range(POLICIES) for each in generator.objects(number)),
    ]:
        client.create(document)
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.2), reraise=True):
        with attempt:
            roles = cluster_roles(client)
            assert aggregate(roles) == roles
    everything = {"apiGroups": ["*"], "resources": ["*"]}
    meta = lambda namespace=None: ObjectMeta(name=f"{PREFIX}last", namespace=namespace, labels=LABEL)  # noqa: E731
    subjects = [Subject(kind="User", name="last", apiGroup=RBAC_API)]
    client.create(ClusterRole(metadata=meta(), rules=[PolicyRule(verbs=["last"], **everything)]))
    client.create(Role(metadata=meta(NAMESPACES[0]), rules=[PolicyRule(verbs=["local"], **everything)]))
    ref = RoleRef(apiGroup=RBAC_API, kind="ClusterRole", name=f"{PREFIX}last")
    client.create(ClusterRoleBinding(metadata=meta(), roleRef=ref, subjects=subjects))
    ref = RoleRef(apiGroup=RBAC_API, kind="Role", name=f"{PREFIX}last")
    client.create(RoleBinding(metadata=meta(NAMESPACES[0]), roleRef=ref, subjects=subjects))
    assert wait_until_allowed(client, ReviewedUser("last"), Request("last", "pods"))
    assert wait_until_allowed(client, ReviewedUser("last"), Request("local", "pods", NAMESPACES[0]))


def cluster_roles(client: Client) -> dict[RoleKey, RbacRole]:
    """Return the ClusterRoles of the policies, aggregated ones with the rules that the controller wrote."""
    roles = (manifests.rbac_role(role.to_dict()) for role in client.list(ClusterRole, labels=LABEL))
    return {role.key: role for role in roles}


def delete_policies(client: Client) -> None:
    for binding in client.list(ClusterRoleBinding, labels=LABEL):
        client.delete(ClusterRoleBinding, binding.metadata.name)
    for namespace in client.list(Namespace, labels=LABEL):
        client.delete(Namespace, namespace.metadata.name)
    # The controller may write, and so create, an aggregated role just after its deletion, without its labels.
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True):
        with attempt:
            roles = [role for role in client.list(ClusterRole) if role.metadata.name.startswith(PREFIX)]
            for role in sorted(roles, key=lambda role: role.aggregationRule is None):
                client.delete(ClusterRole, role.metadata.name)
            assert roles == []


def choose_user(oracle: Oracle) -> tuple[ClusterUser, ReviewedUser]:
    """Return a user; principals with access entries are fewer, and as frequent as the others."""
    is_principal = oracle.random.random() < 0.5
    return oracle.random.choice([each for each in oracle.users if bool(each[1].uid) is is_principal])


def grants_request(rights: Rights, requested: Request) -> bool:
    """Return whether the rights contain the request: whether a rule of it alone is not missing in them."""
    if requested.is_path:
        rule = Rule((requested.verb,), non_resource_urls=(requested.resource,))
    else:
        names = () if requested.name is None else (requested.name,)
        rule = Rule((requested.verb,), (requested.resource,), (requested.api_group,), names)
    namespaces = () if requested.namespace is None else (requested.namespace,)
    return not list(missing_permissions([Grant((rule,), namespaces)], rights.grants()))


def test_rbac_evaluation_equals_subject_access_reviews(oracle: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    """Both evaluations of a request, that of a trace and that of lost rights, agree with the API server."""
    questions = [(*choose_user(oracle), oracle.generator.request()) for _ in range(CASES)]
    reviews = review_all(oracle.client, [(reviewed, requested) for _, reviewed, requested in questions])
    counts: Counter[str] = Counter()
    different = []
    for (user, reviewed, requested), expected in zip(questions, reviews, strict=True):
        rights = Rights(user, lambda: oracle.graph.cluster_rbac, lambda: oracle.graph.namespaced_rbac)
        found = is_allowed(oracle.graph, user, requested), grants_request(rights, requested)
        if found != (expected, expected):
            different.append((str(user), str(requested), requested.api_group, expected, found))
        kind = "by access entry" if reviewed.uid else "by RBAC"
        counts.update(
            ["questions", *([f"allowed {kind}"] if expected else []), *(["paths"] if requested.is_path else [])]
        )
    with capsys.disabled():
        sys.stdout.write(f"\nRBAC conformance, seed {SEED}: {dict(counts)}, {len(different)} differences\n")
    assert different == []
    assert counts["allowed by RBAC"] > 0
    assert counts["allowed by access entry"] > 0
    assert counts["allowed by RBAC"] + counts["allowed by access entry"] < CASES


def test_administrators_are_those_of_subject_access_reviews(oracle: Oracle) -> None:
    """A user is an administrator if the API server allows it `*` on `*.*`, with RBAC as the library itself reads it."""
    cluster = kubernetes_api.read_cluster_rbac(oracle.kubeconfig)
    namespaced = kubernetes_api.read_namespaced_rbac(oracle.kubeconfig)
    masters = ClusterUser("master", ("system:masters",))
    users = [*oracle.users, (masters, as_reviewed(masters))]
    reviews = review_all(oracle.client, [(reviewed, ADMINISTRATION) for _, reviewed in users])
    found = [Rights(user, lambda: cluster, lambda: namespaced).is_administrator for user, _ in users]
    assert found == reviews
    assert {*found} == {True, False}


def test_principals_are_authenticated_as_the_library_evaluates_them(oracle: Oracle) -> None:
    """The authenticator's username and groups are those of the access entry, with the session's name."""
    found = [(user, reviewed) for user, reviewed in oracle.users if reviewed.uid]
    assert len(found) == PRINCIPALS
    for user, reviewed in found:
        assert (user.username, {*user.groups}) == (reviewed.username, {*reviewed.groups} - {AUTHENTICATED})


def test_aggregated_cluster_roles_have_the_rules_that_the_controller_writes(oracle: Oracle) -> None:
    """The rules that a stack's source aggregates are those that kube-controller-manager has written."""
    roles = cluster_roles(oracle.client)
    assert aggregate(roles) == roles
    aggregated = [role for role in roles.values() if role.aggregates]
    assert len(aggregated) == 2 * POLICIES
    assert any(role.rules for role in aggregated)
