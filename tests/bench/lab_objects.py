"""Many objects in a lab's account and cluster, created by parallel requests of boto3 and of HTTP."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import yaml
from lightkube import KubeConfig

from lab.lab_dir import LabDir
from lab.principals import client

THREADS = 8
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ACCESS_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
Request = tuple[str, dict[str, Any]]
"""Path and object of a request that creates the object."""


@dataclass(frozen=True)
class Size:
    """Numbers of objects. Half of the mappings are access entries, half are in aws-auth."""

    accounts: int = 10_000
    roles: int = 1_000
    bindings: int = 2_000
    mappings: int = 200
    associations: int = 100
    namespaces: int = 50

    def __str__(self) -> str:
        return (
            f"{self.accounts:,} service accounts, {self.roles:,} roles, {self.bindings:,} bindings, "
            f"{self.mappings:,} mappings, {self.associations:,} Pod Identity associations"
        )

    def scaled(self, part: float) -> Size:
        """Return the same mixture of fewer objects."""
        return replace(self, **{name: max(1, round(count * part)) for name, count in vars(self).items()})


def create_objects(home: LabDir, cluster: str, account: str, size: Size) -> None:
    """Create the objects in the lab. The cluster must be in the mode API_AND_CONFIG_MAP."""
    aws = _Aws(home, cluster, account)
    with ThreadPoolExecutor(2) as both:
        in_aws = both.submit(aws.create, size)
        both.submit(_create_in_kubernetes, home, cluster, account, size).result()
        in_aws.result()


class _Aws:
    """The requests to IAM and EKS."""

    def __init__(self, home: LabDir, cluster: str, account: str) -> None:
        self._iam, self._eks = client(home, "iam"), client(home, "eks")
        self._cluster, self._account = cluster, account
        issuer = self._eks.describe_cluster(name=cluster)["cluster"]["identity"]["oidc"]["issuer"]
        self._iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])
        self._issuer = issuer.removeprefix("https://")

    def create(self, size: Size) -> None:
        _each(lambda index: self._create_role(index, size), range(size.roles))
        _each(self._create_entry, range(size.mappings // 2))
        _each(lambda index: self._associate(index, size), range(size.associations))

    def _create_role(self, index: int, size: Size) -> None:
        provider = f"arn:aws:iam::{self._account}:oidc-provider/{self._issuer}"
        subjects = [f"system:serviceaccount:{namespace}:{name}" for namespace, name in _accounts_of(index, size)]
        trust = [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{self._issuer}:sub": subjects}},
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            },
        ]
        own = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::bucket-{index}/*"}]
        self._iam.create_role(RoleName=f"app-{index}", AssumeRolePolicyDocument=_document(trust))
        self._iam.put_role_policy(RoleName=f"app-{index}", PolicyName="own", PolicyDocument=_document(own))
        self._iam.attach_role_policy(RoleName=f"app-{index}", PolicyArn=POLICY)

    def _create_entry(self, index: int) -> None:
        principal = {"clusterName": self._cluster, "principalArn": role_arn(self._account, index)}
        self._eks.create_access_entry(**principal, kubernetesGroups=[f"team-{index}"])
        scope = {"type": "namespace", "namespaces": [f"ns-{index}"]}
        self._eks.associate_access_policy(**principal, policyArn=ACCESS_POLICY, accessScope=scope)

    def _associate(self, index: int, size: Size) -> None:
        namespace, name = account_key(index, size)
        arn = role_arn(self._account, index)
        self._eks.create_pod_identity_association(
            clusterName=self._cluster, namespace=namespace, serviceAccount=name, roleArn=arn
        )


def account_key(index: int, size: Size) -> tuple[str, str]:
    """Return namespace and name of a service account."""
    return f"ns-{index % size.namespaces}", f"sa-{index}"


def role_arn(account: str, index: int) -> str:
    return f"arn:aws:iam::{account}:role/app-{index}"


def _accounts_of(role: int, size: Size) -> list[tuple[str, str]]:
    """Return the service accounts of a role."""
    return [account_key(index, size) for index in range(role, size.accounts, size.roles)]


def _create_in_kubernetes(home: LabDir, cluster: str, account: str, size: Size) -> None:
    with api_client(home, cluster) as http:

        def create(request: Request) -> None:
            path, content = request
            http.post(path, json=content).raise_for_status()

        _each(create, _namespaces(size))
        _each(create, [*_service_accounts(account, size), *_bindings(size)])
        _map_roles(http, account, size)


def api_client(home: LabDir, cluster: str) -> httpx2.Client:
    """Return an HTTP client of the API server, with the client certificate of the cluster's administrator."""
    (kubeconfig,) = home.folder.glob(f"clusters/*-{cluster}-*/admin.kubeconfig")
    config = KubeConfig.from_file(str(kubeconfig)).get()
    assert config is not None
    assert config.user is not None
    context = ssl.create_default_context(cafile=str(config.abs_file(config.cluster.certificate_auth)))
    context.load_cert_chain(str(config.abs_file(config.user.client_cert)), str(config.abs_file(config.user.client_key)))
    return httpx2.Client(base_url=config.cluster.server, verify=context, trust_env=False, timeout=60)


def _namespaces(size: Size) -> Iterator[Request]:
    for index in range(size.namespaces):
        yield "/api/v1/namespaces", {"metadata": {"name": f"ns-{index}"}}


def _service_accounts(account: str, size: Size) -> Iterator[Request]:
    for index in range(size.accounts):
        namespace, name = account_key(index, size)
        annotations = {} if index < size.associations else {ROLE_ANNOTATION: role_arn(account, index % size.roles)}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        yield path, {"metadata": {"name": name, "annotations": annotations}}


def _bindings(size: Size) -> Iterator[Request]:
    rbac = "rbac.authorization.k8s.io"
    for index in range(size.bindings):
        namespace, name = account_key(index, size)
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        if index % 10 == 0:
            subject = {"kind": "Group", "name": f"team-{index // 10}", "apiGroup": rbac}
        reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": "edit" if index % 2 else "view"}
        content = {"metadata": {"name": f"b-{index}"}, "roleRef": reference, "subjects": [subject]}
        yield f"/apis/{rbac}/v1/namespaces/{namespace}/rolebindings", content


def _map_roles(http: httpx2.Client, account: str, size: Size) -> None:
    """Add half of the mappings to aws-auth, after the entry of the nodes."""
    path = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
    config_map = http.get(path).raise_for_status().json()
    entries = yaml.safe_load(config_map["data"]["mapRoles"])
    for index in range(size.mappings // 2, size.mappings):
        entries.append({"rolearn": role_arn(account, index), "username": f"u-{index}", "groups": [f"team-{index}"]})
    config_map["data"]["mapRoles"] = yaml.safe_dump(entries)
    http.put(path, json=config_map).raise_for_status()


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _each(create: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(create, items))
