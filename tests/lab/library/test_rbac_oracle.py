"""Our evaluation of RBAC compared with the API server's own, on random roles and bindings."""

from __future__ import annotations

import json
import os
import random
from itertools import chain

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.authorization_v1 import NonResourceAttributes, ResourceAttributes, SubjectAccessReviewSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule, RoleRef, Subject
from lightkube.resources.authorization_v1 import SubjectAccessReview
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from eks_identity.clients import kubernetes_api
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterUser, Rights
from eks_identity.evaluation.rbac import Request, allows

WORLDS, REQUESTS = 30, 10
RBAC_API = "rbac.authorization.k8s.io"
VERBS = ("get", "list", "create", "update", "escalate", "*")
GROUPS = ("", "apps", RBAC_API, "*")
RESOURCES = ("pods", "pods/log", "deployments", "deployments/scale", "*/scale", "clusterroles", "*")
PATHS = ("/healthz", "/logs/*", "/logs/a", "*")
NAMESPACES = ("default", "kube-system")


@pytest.fixture(scope="module")
def dice() -> random.Random:
    """The seed is printed; in CI it is always the same one."""
    seed = 8 if "CI" in os.environ else random.SystemRandom().randrange(2**32)
    seed = int(os.environ.get("RBAC_SEED", seed))
    print(f"RBAC_SEED={seed}")  # noqa: T201 - to repeat a failure
    return random.Random(seed)  # noqa: S311 - no secret


def rule(dice: random.Random, *, namespaced: bool) -> PolicyRule:
    def some(values: tuple[str, ...]) -> list[str]:
        # Often everything, or nearly: a random rule is else hardly ever an administrator's.
        return ["*"] if dice.random() < 0.45 else dice.sample(values, dice.randint(1, 2))

    if not namespaced and dice.random() < 0.2:
        return PolicyRule(verbs=some(VERBS), nonResourceURLs=dice.sample(PATHS, 1))
    names = ["one"] if dice.random() < 0.2 else None
    return PolicyRule(verbs=some(VERBS), apiGroups=some(GROUPS), resources=some(RESOURCES), resourceNames=names)


def world(dice: random.Random, number: int) -> list[object]:
    """Roles of each kind, and bindings to some of them, of a user, a group or a service account."""
    made: list[object] = []
    if number == 0:  # one administrator for certain
        ref = RoleRef(apiGroup=RBAC_API, kind="ClusterRole", name="cluster-admin")
        subjects = [Subject(kind="User", name="user-0", apiGroup=RBAC_API)]
        made.append(ClusterRoleBinding(metadata=ObjectMeta(name="w0-all"), roleRef=ref, subjects=subjects))
    roles = [(ClusterRole, None), (ClusterRole, None), (Role, dice.choice(NAMESPACES))]
    for index, (kind, namespace) in enumerate(roles):
        name = f"w{number}-{index}"
        rules = [rule(dice, namespaced=kind is Role) for _ in range(dice.randint(0, 2))]
        made.append(kind(metadata=ObjectMeta(name=name, namespace=namespace), rules=rules))
    for index in range(dice.randint(1, 3)):
        target = dice.randrange(4)  # the last one is missing
        kind, namespace = roles[target] if target < 3 else (ClusterRole, None)
        bound = namespace or (dice.choice(NAMESPACES) if dice.random() < 0.4 else None)
        subject = dice.choice(
            [
                Subject(kind="User", name=f"user-{number}", apiGroup=RBAC_API),
                Subject(kind="Group", name=f"group-{number}", apiGroup=RBAC_API),
                Subject(kind="Group", name=f"user-{number}", apiGroup=RBAC_API),
                Subject(kind="ServiceAccount", name=f"user-{number}", namespace="default"),
            ]
        )
        ref = RoleRef(apiGroup=RBAC_API, kind=kind.__name__, name=f"w{number}-{target}")
        metadata = ObjectMeta(name=f"w{number}-b{index}", namespace=bound)
        made.append((RoleBinding if bound else ClusterRoleBinding)(metadata=metadata, roleRef=ref, subjects=[subject]))
    return made


def request(dice: random.Random) -> Request:
    if dice.random() < 0.15:
        return Request(dice.choice(("get", "create")), dice.choice(("/healthz", "/logs/a", "/logs/a/b")))
    namespace = dice.choice((None, *NAMESPACES))
    name = dice.choice((None, "one", "two"))
    return Request(dice.choice(VERBS), dice.choice(RESOURCES), namespace, dice.choice(GROUPS), name)


def review(client: Client, user: ClusterUser, asked: Request) -> bool:
    """What the API server answers to a SubjectAccessReview."""
    resource, _, subresource = asked.resource.partition("/")
    attributes = (
        {"nonResourceAttributes": NonResourceAttributes(path=asked.resource, verb=asked.verb)}
        if asked.is_path
        else {
            "resourceAttributes": ResourceAttributes(
                verb=asked.verb,
                group=asked.api_group,
                resource=resource,
                subresource=subresource or None,
                namespace=asked.namespace,
                name=asked.name,
            )
        }
    )
    groups = [*user.groups, "system:authenticated"]
    spec = SubjectAccessReviewSpec(user=user.username, groups=groups, **attributes)
    return bool(client.create(SubjectAccessReview(spec=spec)).status.allowed)


def evaluated(rights: Rights, asked: Request) -> bool:
    """What we answer."""
    grants = chain(rights.cluster_rbac().grants(*_who(rights)), rights.namespaced_rbac().grants(*_who(rights)))
    return any(
        allows(grant.rules, asked)
        for grant in grants
        if not grant.namespaces or (asked.namespace in grant.namespaces and not asked.is_path)
    )


def _who(rights: Rights) -> tuple[str, tuple[str, ...]]:
    return rights.user.username, rights.user.groups


@retry(retry=retry_if_result(lambda seen: not seen), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def has_seen(client: Client, user: ClusterUser, asked: Request) -> bool:
    """Whether the API server's authorizer knows what was created last."""
    return review(client, user, asked)


def test_rbac_evaluation_equals_the_api_servers(api_server, dice):
    """300 random requests, and `*` on `*.*` for every user: the same answers as SubjectAccessReview gives."""
    everything = [PolicyRule(verbs=["last"], apiGroups=["*"], resources=["*"])]
    last = [Subject(kind="User", name="last", apiGroup=RBAC_API)]
    with Client(config=KubeConfig.from_dict(json.loads(api_server)), trust_env=False) as client:
        for made in [each for number in range(WORLDS) for each in world(dice, number)]:
            client.create(made)
        client.create(ClusterRole(metadata=ObjectMeta(name="last"), rules=everything))
        local = [PolicyRule(verbs=["local"], apiGroups=["*"], resources=["*"])]
        client.create(Role(metadata=ObjectMeta(name="last", namespace="default"), rules=local))
        for kind, role, namespace in [(ClusterRoleBinding, "ClusterRole", None), (RoleBinding, "Role", "default")]:
            ref = RoleRef(apiGroup=RBAC_API, kind=role, name="last")
            metadata = ObjectMeta(name="last", namespace=namespace)
            client.create(kind(metadata=metadata, roleRef=ref, subjects=last))
        assert has_seen(client, ClusterUser("last"), Request("last", "pods"))
        assert has_seen(client, ClusterUser("last"), Request("local", "pods", "default"))

        cluster, namespaced = kubernetes_api.rbac(api_server), kubernetes_api.namespaced_rbac(api_server)
        administrators = 0
        for number in range(WORLDS):
            account = f"system:serviceaccount:default:user-{number}"
            for user in (ClusterUser(f"user-{number}", (f"group-{number}",)), ClusterUser(account)):
                rights = Rights(user, lambda: cluster, lambda: namespaced)
                expected = review(client, user, ADMINISTRATION)
                administrators += expected
                assert rights.is_administrator is expected, (user, ADMINISTRATION)
                for asked in [request(dice) for _ in range(REQUESTS // 2)]:
                    assert evaluated(rights, asked) is review(client, user, asked), (user, str(asked), asked.api_group)
        assert 0 < administrators < 2 * WORLDS
