"""Tokens that must get no role: of IRSA at STS, and of Pod Identity at EKS Auth, each tried several times.

The tokens are those of the lab's clusters, by TokenRequest, and forgeries of them. STS cannot know that a pod is
deleted: a token of IRSA stays valid until it expires, in AWS as in the lab.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from lab.lab_dir import LabDir
from lab.principals import OTHER_ADMINISTRATOR, client
from lab.scenarios.clients import LabClients
from lab.tools import Tools

CLUSTER, OTHER_CLUSTER = "eks-clu", "irsa"
STS, PODS = "sts.amazonaws.com", "pods.eks.amazonaws.com"
ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
ROLE = "deputy"
NAMESPACE, OTHER_NAMESPACE = "default", "kube-public"
SUBJECT = f"system:serviceaccount:{NAMESPACE}:app"
SERVICE_ACCOUNTS = ((NAMESPACE, "app"), (NAMESPACE, "other"), (OTHER_NAMESPACE, "app"))


@dataclass
class Deputy:
    """The clusters with their service accounts, and the roles and the association that trust one of them."""

    clients: LabClients

    def token(self, name: str = "app", namespace: str = NAMESPACE, *, audience: str = STS, cluster: str = CLUSTER,
              pod: str | None = None) -> str:  # fmt: skip
        """Return a token of the TokenRequest API, bound to a pod as the token in a pod is: EKS Auth requires that."""
        options = ("--bound-object-kind=Pod", f"--bound-object-name={pod or name}")
        command = ("create", "token", name, "-n", namespace, "--audience", audience, *options)
        made = self.clients.operate(cluster, *command)
        assert made.worked, made.stderr
        return made.stdout.strip()

    def resigned(self, token: str, *, key: Any = None, **claims: Any) -> str:
        """Return the token with other claims, signed with the cluster's own key or with `key`."""
        changed = jwt.decode(token, options={"verify_signature": False}) | claims
        kid = jwt.get_unverified_header(token)["kid"]
        signing_key = key or self.clients.signing_key(CLUSTER)
        return jwt.encode(changed, signing_key, algorithm="RS256", headers={"kid": kid})

    def create_pod(self, name: str, account: str = "app", namespace: str = NAMESPACE, cluster: str = CLUSTER) -> None:
        spec = {"serviceAccountName": account, "nodeName": "no-node"}
        spec["containers"] = [{"name": "main", "image": "busybox"}]
        metadata = {"name": name, "namespace": namespace}
        created = self.clients.apply(cluster, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        assert created.worked, created.stderr

    def is_authenticated(self, token: str) -> bool:
        """Return whether the API server accepts a token for Pod Identity, by a TokenReview."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        review["spec"] = {"token": token, "audiences": [PODS]}
        done = self.clients.operate(CLUSTER, "create", "-o", "json", "-f", "-", stdin=json.dumps(review))
        return bool(json.loads(done.stdout)["status"].get("authenticated"))

    @retry(retry=retry_if_result(lambda rejected: not rejected), wait=wait_fixed(0.2), stop=stop_after_delay(60))
    def wait_until_rejected(self, token: str) -> bool:
        """Wait until the API server rejects a token: it caches a review for ten seconds."""
        return not self.is_authenticated(token)

    def delete(self, kind: str, name: str) -> None:
        options = ("--grace-period=0", "--force") if kind == "pod" else ()
        assert self.clients.operate(CLUSTER, "-n", NAMESPACE, "delete", kind, name, *options).worked

    def by_sts(self, token: str, role: str = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}") -> str:
        """Return `works`, or the error code of AssumeRoleWithWebIdentity."""
        members = {"RoleArn": role, "RoleSessionName": "deputy", "WebIdentityToken": token}
        return _outcome(lambda: self._unsigned("sts").assume_role_with_web_identity(**members))

    def by_eks_auth(self, token: str, cluster: str = CLUSTER) -> str:
        """Return `works`, or the error code of AssumeRoleForPodIdentity. The caller is an administrator: only the
        token decides.
        """
        eks_auth = client(self.clients.home, "eks-auth")
        return _outcome(lambda: eks_auth.assume_role_for_pod_identity(clusterName=cluster, token=token))

    def _unsigned(self, service: str) -> Any:
        access = self.clients.home.require_running().access
        proxies = Config(signature_version=UNSIGNED, proxies={"https": access.proxy_url})
        return boto3.client(service, region_name=access.region, verify=access.ca_file, config=proxies)


def _outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "works"


@pytest.fixture(scope="module")
def deputy(running_lab: LabDir, tools: Tools):
    deputy = Deputy(LabClients(running_lab, tools.bin))
    iam, partner = client(running_lab, "iam"), client(running_lab, "iam", OTHER_ADMINISTRATOR)
    eks, created = client(running_lab, "eks"), []
    issuers = {name: eks.describe_cluster(name=name)["cluster"]["identity"]["oidc"]["issuer"]
               for name in (CLUSTER, OTHER_CLUSTER)}  # fmt: skip
    for api, name in ((iam, CLUSTER), (iam, OTHER_CLUSTER), (partner, CLUSTER)):
        provider = api.create_open_id_connect_provider(Url=issuers[name], ClientIDList=[STS, "other-audience"])
        created.append((api, provider["OpenIDConnectProviderArn"]))
    for api, account in ((iam, ACCOUNT), (partner, OTHER_ACCOUNT)):
        api.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_trust(issuers[CLUSTER], account)))
    association = eks.create_pod_identity_association(
        clusterName=CLUSTER, namespace=NAMESPACE, serviceAccount="app", roleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    )["association"]["associationId"]
    for cluster in (CLUSTER, OTHER_CLUSTER):
        for namespace, name in SERVICE_ACCOUNTS:
            deputy.clients.operate(cluster, "-n", namespace, "create", "serviceaccount", name)
            deputy.create_pod(name, name, namespace, cluster)
    yield deputy
    eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=association)
    for api, provider in created:
        api.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    for api in (iam, partner):
        with suppress(api.exceptions.NoSuchEntityException):
            api.delete_role(RoleName=ROLE)
    for cluster in (CLUSTER, OTHER_CLUSTER):
        for namespace, name in SERVICE_ACCOUNTS:
            options = ("-n", namespace, "--grace-period=0", "--force", "--ignore-not-found", "--timeout=30s")
            deputy.clients.operate(cluster, "delete", f"pod/{name}", f"serviceaccount/{name}", *options)


def _trust(issuer: str, account: str) -> dict[str, Any]:
    host = issuer.removeprefix("https://")
    provider = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{host}"}
    pods = {"Effect": "Allow", "Principal": {"Service": PODS}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    web = {
        "Effect": "Allow",
        "Principal": provider,
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:sub": SUBJECT, f"{host}:aud": STS}},
    }
    return {"Version": "2012-10-17", "Statement": [web, pods]}


def _unsigned(token: str) -> str:
    """Return the token with the algorithm none."""
    header = _encode(json.dumps({**jwt.get_unverified_header(token), "alg": "none"}).encode())
    return f"{header}.{token.split('.')[1]}."


def _signed_with_the_public_key(deputy: Deputy, token: str) -> str:
    """Return the token signed with HS256 and the public key, for a verifier that believes the header's algorithm."""
    public = deputy.clients.signing_key(CLUSTER).public_key()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = _encode(json.dumps({**jwt.get_unverified_header(token), "alg": "HS256"}).encode())
    text = f"{header}.{token.split('.')[1]}"
    return f"{text}.{_encode(hmac.digest(public.public_bytes(*form), text.encode(), 'sha256'))}"


def _with_claims_of(token: str, other: str) -> str:
    """Return the token with the claims of another one and its own signature."""
    header, _, signature = token.split(".")
    return f"{header}.{other.split('.')[1]}.{signature}"


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _expired(deputy: Deputy, audience: str) -> str:
    now = int(time.time())
    return deputy.resigned(deputy.token(audience=audience), iat=now - 7200, nbf=now - 7200, exp=now - 1)


FORGERIES: dict[str, Callable[[Deputy, str], str]] = {
    "other service account": lambda deputy, audience: deputy.token("other", audience=audience),
    "other namespace": lambda deputy, audience: deputy.token(namespace=OTHER_NAMESPACE, audience=audience),
    "other audience": lambda deputy, _: deputy.token(audience="other-audience"),
    "audience of the API server": lambda deputy, _: deputy.token(audience="https://kubernetes.default.svc"),
    "other cluster": lambda deputy, audience: deputy.token(cluster=OTHER_CLUSTER, audience=audience),
    "other issuer": lambda deputy, audience: deputy.resigned(
        deputy.token(audience=audience), iss="https://evil.example"
    ),
    "forged signature": lambda deputy, audience: deputy.resigned(
        deputy.token(audience=audience), key=rsa.generate_private_key(65537, 2048)
    ),
    "forged subject": lambda deputy, audience: _with_claims_of(
        deputy.token("other", audience=audience), deputy.token(audience=audience)
    ),
    "algorithm none": lambda deputy, audience: _unsigned(deputy.token(audience=audience)),
    "HS256 with the public key": lambda deputy, audience: _signed_with_the_public_key(
        deputy, deputy.token(audience=audience)
    ),
    "expired": _expired,
    "empty": lambda _deputy, _audience: "x.y.z",
}
"""Tokens that neither STS nor EKS Auth may accept for the role, by what is wrong with them."""


def test_forged_and_foreign_tokens_get_no_role(deputy, is_soak, show):
    """Both services accept the service account's own token, and deny each other token in all tries."""
    tries = 20 if is_soak else 2
    assert (deputy.by_sts(deputy.token()), deputy.by_eks_auth(deputy.token(audience=PODS))) == ("works", "works")
    outcomes: dict[str, list[str]] = {}
    for name, forge in FORGERIES.items():
        outcomes[name] = [deputy.by_sts(forge(deputy, STS)) for _ in range(tries)]
        outcomes[name] += [deputy.by_eks_auth(forge(deputy, PODS)) for _ in range(tries)]
    partner = f"arn:aws:iam::{OTHER_ACCOUNT}:role/{ROLE}"
    other = deputy.token("other")
    outcomes["other service account, role of another account"] = [deputy.by_sts(other, partner) for _ in range(tries)]
    assert deputy.by_sts(deputy.token(), partner) == "works", "the other account's role trusts the service account"
    outcomes["token of STS at EKS Auth"] = [deputy.by_eks_auth(deputy.token()) for _ in range(tries)]
    outcomes["token of EKS Auth at STS"] = [deputy.by_sts(deputy.token(audience=PODS)) for _ in range(tries)]
    own = deputy.token(audience=PODS)
    outcomes["other cluster's association"] = [deputy.by_eks_auth(own, OTHER_CLUSTER) for _ in range(tries)]
    accepted = {name: codes for name, codes in outcomes.items() if "works" in codes}
    total = sum(map(len, outcomes.values()))
    denied = sum(code != "works" for codes in outcomes.values() for code in codes)
    show(f"confused deputy: {len(outcomes)} kinds of tokens, {total} tries, {denied} denied")
    assert accepted == {}


def test_replayed_tokens_of_deleted_objects_get_no_role(deputy, is_soak, show):
    """EKS Auth denies a token once its pod is deleted, also if another pod has its name, and the API server denies a
    token of a deleted service account in the same way.
    """
    tries = 5 if is_soak else 1
    denied = 0
    for number in range(tries):
        pod = f"replayed-{number}"
        deputy.create_pod(pod)
        token = deputy.token(audience=PODS, pod=pod)
        assert deputy.by_eks_auth(token) == "works"
        deputy.delete("pod", pod)
        assert deputy.by_eks_auth(token) != "works"
        deputy.create_pod(pod)
        assert deputy.by_eks_auth(token) != "works", "a pod of the same name is another pod"
        deputy.delete("pod", pod)
        denied += 2
    token = deputy.token("other", audience=PODS)
    assert deputy.is_authenticated(token)
    deputy.delete("serviceaccount", "other")
    assert deputy.wait_until_rejected(token)
    deputy.clients.operate(CLUSTER, "-n", NAMESPACE, "create", "serviceaccount", "other")
    assert not deputy.is_authenticated(token)
    show(f"confused deputy: {denied + 2} tries with replayed tokens, {denied + 2} denied")


def test_tokens_are_denied_once_the_role_or_its_trust_is_gone(deputy):
    """A role whose trust policy denies all, and a deleted role, give no session."""
    iam = client(deputy.clients.home, "iam")
    token, by_pods = deputy.token(), deputy.token(audience=PODS)
    closed = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole*"}]}
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(closed))
    assert "works" not in {deputy.by_sts(token), deputy.by_eks_auth(by_pods)}
    iam.delete_role(RoleName=ROLE)
    assert "works" not in {deputy.by_sts(token), deputy.by_eks_auth(by_pods)}
