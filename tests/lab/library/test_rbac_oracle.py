"""The library's RBAC evaluation compared with SubjectAccessReviews of an API server, on random roles and bindings."""

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

SAMPLES, REQUESTS = 30, 10
RBAC_API = "rbac.authorization.k8s.io"
VERBS = ("get", "list", "create", "update", "escalate", "*")
GROUPS = ("", "apps", RBAC_API, "*")
RESOURCES = ("pods", "pods/log", "deployments", "deployments/scale", "*/scale", "clusterroles", "*")
PATHS = ("/healthz", "/logs/*", "/logs/a", "*")
NAMESPACES = ("default", "kube-system")


@pytest.fixture(scope="module")
def generator() -> random.Random:
    """A random generator whose seed is printed, and fixed in CI."""
    seed = 8 if "CI" in os.environ else random.SystemRandom().randrange(2**32)
    seed = int(os.environ.get("RBAC_SEED", seed))
    print(f"RBAC_SEED={seed}")  # noqa: T201 - to repeat a failure
    return random.Random(seed)  # noqa: S311 - no secret


def rule(generator: random.Random, *, namespaced: bool) -> PolicyRule:
    def some(values: tuple[str, ...]) -> list[str]:
        # `*` is frequent, because random rules would otherwise hardly ever be an administrator's.
        return ["*"] if generator.random() < 0.45 else generator.sample(values, generator.randint(1, 2))

    if not namespaced and generator.random() < 0.2:
        return PolicyRule(verbs=some(VERBS), nonResourceURLs=generator.sample(PATHS, 1))
    names = ["one"] if generator.random() < 0.2 else None
    return PolicyRule(verbs=some(VERBS), apiGroups=some(GROUPS), resources=some(RESOURCES), resourceNames=names)


def random_rbac(generator: random.Random, number: int) -> list[object]:
    """Return roles of each kind, and bindings of some of them to a user, a group or a service account."""
    objects: list[object] = []
    if number == 0:  # one administrator for certain
        ref = RoleRef(apiGroup=RBAC_API, kind="ClusterRole", name="cluster-admin")
        subjects = [Subject(kind="User", name="user-0", apiGroup=RBAC_API)]
        objects.append(ClusterRoleBinding(metadata=ObjectMeta(name="w0-all"), roleRef=ref, subjects=subjects))
    roles = [(ClusterRole, None), (ClusterRole, None), (Role, generator.choice(NAMESPACES))]
    for index, (kind, namespace) in enumerate(roles):
        name = f"w{number}-{index}"
        rules = [rule(generator, namespaced=kind is Role) for _ in range(generator.randint(0, 2))]
        objects.append(kind(metadata=ObjectMeta(name=name, namespace=namespace), rules=rules))
    for index in range(generator.randint(1, 3)):
        target = generator.randrange(4)  # the last one is missing
        kind, namespace = roles[target] if target < 3 else (ClusterRole, None)
        bound = namespace or (generator.choice(NAMESPACES) if generator.random() < 0.4 else None)
        subject = generator.choice(
            [
                Subject(kind="User", name=f"user-{number}", apiGroup=RBAC_API),
                Subject(kind="Group", name=f"group-{number}", apiGroup=RBAC_API),
                Subject(kind="Group", name=f"user-{number}", apiGroup=RBAC_API),
                Subject(kind="ServiceAccount", name=f"user-{number}", namespace="default"),
            ]
        )
        ref = RoleRef(apiGroup=RBAC_API, kind=kind.__name__, name=f"w{number}-{target}")
        metadata = ObjectMeta(name=f"w{number}-b{index}", namespace=bound)
        objects.append(
            (RoleBinding if bound else ClusterRoleBinding)(metadata=metadata, roleRef=ref, subjects=[subject])
        )
    return objects


def request(generator: random.Random) -> Request:
    if generator.random() < 0.15:
        return Request(generator.choice(("get", "create")), generator.choice(("/healthz", "/logs/a", "/logs/a/b")))
    namespace = generator.choice((None, *NAMESPACES))
    name = generator.choice((None, "one", "two"))
    return Request(generator.choice(VERBS), generator.choice(RESOURCES), namespace, generator.choice(GROUPS), name)


def review(client: Client, user: ClusterUser, requested: Request) -> bool:
    """Return whether a SubjectAccessReview allows the request."""
    resource, _, subresource = requested.resource.partition("/")
    attributes = (
        {"nonResourceAttributes": NonResourceAttributes(path=requested.resource, verb=requested.verb)}
        if requested.is_path
        else {
            "resourceAttributes": ResourceAttributes(
                verb=requested.verb,
                group=requested.api_group,
                resource=resource,
                subresource=subresource or None,
                namespace=requested.namespace,
                name=requested.name,
            )
        }
    )
    groups = [*user.groups, "system:authenticated"]
    spec = SubjectAccessReviewSpec(user=user.username, groups=groups, **attributes)
    return bool(client.create(SubjectAccessReview(spec=spec)).status.allowed)


def evaluate(rights: Rights, requested: Request) -> bool:
    """Return whether the library's evaluation allows the request."""
    grants = chain(
        rights.cluster_rbac().grants(*_identity(rights)), rights.namespaced_rbac().grants(*_identity(rights))
    )
    return any(
        allows(grant.rules, requested)
        for grant in grants
        if not grant.namespaces or (requested.namespace in grant.namespaces and not requested.is_path)
    )


def _identity(rights: Rights) -> tuple[str, tuple[str, ...]]:
    return rights.user.username, rights.user.groups


@retry(retry=retry_if_result(lambda allowed: not allowed), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def wait_until_allowed(client: Client, user: ClusterUser, requested: Request) -> bool:
    """Wait until the API server's authorizer has the last binding, which allows this request."""
    return review(client, user, requested)


def test_rbac_evaluation_equals_subject_access_reviews(api_server, generator):
    """Evaluation and SubjectAccessReview agree on 300 random requests, and on `*` on `*.*` for every user."""
    everything = [PolicyRule(verbs=["last"], apiGroups=["*"], resources=["*"])]
    last = [Subject(kind="User", name="last", apiGroup=RBAC_API)]
    with Client(config=KubeConfig.from_dict(json.loads(api_server)), trust_env=False) as client:
        for document in [item for number in range(SAMPLES) for item in random_rbac(generator, number)]:
            client.create(document)
        client.create(ClusterRole(metadata=ObjectMeta(name="last"), rules=everything))
        local = [PolicyRule(verbs=["local"], apiGroups=["*"], resources=["*"])]
        client.create(Role(metadata=ObjectMeta(name="last", namespace="default"), rules=local))
        for kind, role, namespace in [(ClusterRoleBinding, "ClusterRole", None), (RoleBinding, "Role", "default")]:
            ref = RoleRef(apiGroup=RBAC_API, kind=role, name="last")
            metadata = ObjectMeta(name="last", namespace=namespace)
            client.create(kind(metadata=metadata, roleRef=ref, subjects=last))
        assert wait_until_allowed(client, ClusterUser("last"), Request("last", "pods"))
        assert wait_until_allowed(client, ClusterUser("last"), Request("local", "pods", "default"))

        cluster, namespaced = (
            kubernetes_api.read_cluster_rbac(api_server),
            kubernetes_api.read_namespaced_rbac(api_server),
        )
        administrators = 0
        for number in range(SAMPLES):
            account = f"system:serviceaccount:default:user-{number}"
            for user in (ClusterUser(f"user-{number}", (f"group-{number}",)), ClusterUser(account)):
                rights = Rights(user, lambda: cluster, lambda: namespaced)
                expected = review(client, user, ADMINISTRATION)
                administrators += expected
                assert rights.is_administrator is expected, (user, ADMINISTRATION)
                for requested in [request(generator) for _ in range(REQUESTS // 2)]:
                    assert evaluate(rights, requested) is review(client, user, requested), (
                        user,
                        str(requested),
                        requested.api_group,
                    )
        assert 0 < administrators < 2 * SAMPLES
