"""Scenario 2: one pod may list buckets, and no other pod."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.clusters import CLUSTER_ROLE, NODE_ROLE
from lab.principals import OTHER_ADMINISTRATOR, client
from lab.scenarios.clients import LabClients
from lab.scenarios.step import Scenario

CLUSTER = "irsa"
OTHER_CLUSTER = "eks-clu"
SERVICE_ACCOUNT = "my-sa"
BUCKET = "lab-bucket"
AUDIENCE = "sts.amazonaws.com"
IMAGE = "amazon/aws-cli"

before = Scenario(2)
after = Scenario(2)
role_assumption = Scenario(2)
by_pod_identity = Scenario(2)
destroyed = Scenario(2)


def prepare(clients: LabClients) -> None:
    """Create what exists before the scenario: a bucket, other service accounts, and an OIDC provider."""
    region = clients.home.require_running().region
    location = {"LocationConstraint": region}
    client(clients.home, "s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    # As `eksctl utils associate-iam-oidc-provider` does.
    issuer = _issuer(clients, OTHER_CLUSTER)
    client(clients.home, "iam").create_open_id_connect_provider(Url=issuer, ClientIDList=[AUDIENCE])
    clients.operate(CLUSTER, "create", "namespace", "team")
    for cluster, namespace, name in (
        (CLUSTER, "default", "other-sa"),
        (CLUSTER, "team", SERVICE_ACCOUNT),
        (OTHER_CLUSTER, "default", SERVICE_ACCOUNT),
    ):
        clients.operate(cluster, "create", "serviceaccount", name, "-n", namespace)
    clients.apply(CLUSTER, _pod("pod-before", None, ls=["s3", "ls"]))


@before.step("pod-before runs aws s3 ls", client="kubectl logs", expected="AccessDenied, as the node's role")
def pod_before(clients: LabClients) -> str:
    log = clients.logs_when_done(CLUSTER, "pod-before")
    as_node = ", as the node's role" if "assumed-role/eks-lab-node/" in log else ""
    return f"AccessDenied{as_node}" if "AccessDenied" in log else log.strip()


@after.step(
    "pulumi up created the objects of the chain",
    client="engine's state",
    expected="OpenIdConnectProvider, Role, RolePolicyAttachment, ServiceAccount",
)
def objects_of_the_chain(clients: LabClients) -> str:
    kinds = {resource["type"].rpartition(":")[2] for resource in clients.engine_state() if resource["custom"]}
    return ", ".join(sorted(kinds & {"OpenIdConnectProvider", "Role", "RolePolicyAttachment", "ServiceAccount"}))


@after.step(
    "pod-after gets an identity",
    client="kubectl get pod",
    expected="AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, volume aws-iam-token",
)
def pod_after_identity(clients: LabClients) -> str:
    clients.apply(CLUSTER, _pod("pod-after", SERVICE_ACCOUNT, ls=["s3", "ls"], mb=["s3", "mb", "s3://another-bucket"]))
    return _identity(clients, "pod-after", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")


@after.step("pod-after runs aws s3 ls", client="kubectl logs", expected=BUCKET)
def pod_after_lists(clients: LabClients) -> str:
    return _buckets(clients.logs_when_done(CLUSTER, "pod-after", container="ls"))


@after.step("pod-after runs aws s3 mb", client="kubectl logs", expected="AccessDenied")
def pod_after_creates(clients: LabClients) -> str:
    return _denied(clients.logs_when_done(CLUSTER, "pod-after", container="mb"))


@after.step(f"test-pod on {OTHER_CLUSTER} runs aws s3 ls", client="kubectl logs", expected=BUCKET)
def test_pod_lists(clients: LabClients) -> str:
    clients.apply(OTHER_CLUSTER, _pod("test-pod", "test-sa", ls=["s3", "ls"]))
    return _buckets(clients.logs_when_done(OTHER_CLUSTER, "test-pod"))


@role_assumption.step("its own token assumes the role", client="aws sts", expected="works")
def own_token(clients: LabClients) -> str:
    return _assume(clients, _token(clients))


@role_assumption.step("another service account's token", client="aws sts", expected="AccessDenied")
def other_service_account(clients: LabClients) -> str:
    return _assume(clients, _token(clients, name="other-sa"))


@role_assumption.step("the same name in another namespace", client="aws sts", expected="AccessDenied")
def other_namespace(clients: LabClients) -> str:
    return _assume(clients, _token(clients, namespace="team"))


@role_assumption.step("a token for another audience", client="aws sts", expected="InvalidIdentityToken")
def other_audience(clients: LabClients) -> str:
    return _assume(clients, _token(clients, audience="https://kubernetes.default.svc"))


@role_assumption.step("an audience that the provider has, not the role", client="aws sts", expected="AccessDenied")
def other_audience_of_the_provider(clients: LabClients) -> str:
    issuer = _issuer(clients, CLUSTER).removeprefix("https://")
    provider = next(arn for arn in _providers(clients) if arn.endswith(issuer))
    arguments = {"OpenIDConnectProviderArn": provider, "ClientID": "other-audience"}
    iam = client(clients.home, "iam")
    iam.add_client_id_to_open_id_connect_provider(**arguments)
    result = _assume(clients, _token(clients, audience="other-audience"))
    iam.remove_client_id_from_open_id_connect_provider(**arguments)
    return result


@role_assumption.step("the same service account of another cluster", client="aws sts", expected="AccessDenied")
def other_cluster(clients: LabClients) -> str:
    return _assume(clients, _token(clients, cluster=OTHER_CLUSTER))


@role_assumption.step("a role of another account", client="aws sts", expected="InvalidIdentityToken")
def other_account(clients: LabClients) -> str:
    name = _role_arn(clients).rpartition("/")[2]
    trust = client(clients.home, "iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    iam = client(clients.home, "iam", OTHER_ADMINISTRATOR)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return _assume(clients, _token(clients), role["Role"]["Arn"])


@role_assumption.step("an expired token", client="aws sts", expected="ExpiredTokenException")
def expired_token(clients: LabClients) -> str:
    hour_ago = int(time.time()) - 3600
    times = {"iat": hour_ago, "nbf": hour_ago, "exp": hour_ago + 600}
    return _assume(clients, _resigned(_token(clients), clients.signing_key(CLUSTER), times))


@role_assumption.step("a token signed with another key", client="aws sts", expected="InvalidIdentityToken")
def forged_token(clients: LabClients) -> str:
    return _assume(clients, _resigned(_token(clients), rsa.generate_private_key(65537, 2048), {}))


@role_assumption.step("a token with a changed subject", client="aws sts", expected="InvalidIdentityToken")
def changed_token(clients: LabClients) -> str:
    header, _, signature = _token(clients).split(".")
    _, claims, _ = _token(clients, name="other-sa").split(".")
    return _assume(clients, f"{header}.{claims}.{signature}")


@by_pod_identity.step(
    "the same workload by Pod Identity",
    client="kubectl get pod",
    expected="AWS_CONTAINER_CREDENTIALS_FULL_URI, volume eks-pod-identity-token",
)
def pod_identity(clients: LabClients) -> str:
    clients.apply(CLUSTER, _pod("pod-identity", SERVICE_ACCOUNT, ls=["s3", "ls"]))
    return _identity(clients, "pod-identity", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@by_pod_identity.step("it runs aws s3 ls", client="kubectl logs", expected=BUCKET)
def pod_identity_lists(clients: LabClients) -> str:
    return _buckets(clients.logs_when_done(CLUSTER, "pod-identity"))


@destroyed.step("pulumi destroy", client="engine", expected="succeeded, no resources remaining")
def destroy(clients: LabClients) -> str:
    report = clients.pipeline("destroy")
    remaining = [resource["type"] for resource in clients.engine_state() if resource["type"] != "pulumi:pulumi:Stack"]
    return f"{report['result']}, {', '.join(remaining) or 'no resources remaining'}"


@destroyed.step("no resource of the stack remains", client="aws, kubectl", expected="no roles, no service accounts")
def no_resource_remains(clients: LabClients) -> str:
    listed = json.loads(clients.aws("iam", "list-roles").stdout)["Roles"]
    roles = sorted({role["RoleName"] for role in listed} - {CLUSTER_ROLE, NODE_ROLE})
    accounts = [
        name
        for cluster, name in ((CLUSTER, SERVICE_ACCOUNT), (OTHER_CLUSTER, "test-sa"))
        if clients.operate(cluster, "get", "serviceaccount", name).worked
    ]
    return f"{', '.join(roles) or 'no roles'}, {', '.join(accounts) or 'no service accounts'}"


@destroyed.step("the adopted provider remains", client="aws iam", expected=f"provider of {OTHER_CLUSTER}")
def adopted_provider_remains(clients: LabClients) -> str:
    adopted = _issuer(clients, OTHER_CLUSTER).removeprefix("https://")
    remaining = _providers(clients)
    only_adopted = len(remaining) == 1 and remaining[0].endswith(adopted)
    return f"provider of {OTHER_CLUSTER}" if only_adopted else ", ".join(remaining) or "none"


def _issuer(clients: LabClients, cluster: str) -> str:
    described = client(clients.home, "eks").describe_cluster(name=cluster)["cluster"]
    return str(described["identity"]["oidc"]["issuer"])


def _providers(clients: LabClients) -> list[str]:
    listed = json.loads(clients.aws("iam", "list-open-id-connect-providers").stdout)
    return [provider["Arn"] for provider in listed["OpenIDConnectProviderList"]]


def _token(
    clients: LabClients,
    *,
    cluster: str = CLUSTER,
    namespace: str = "default",
    name: str = SERVICE_ACCOUNT,
    audience: str = AUDIENCE,
) -> str:
    """Return a token of the service account, from the cluster's own TokenRequest API."""
    result = clients.operate(cluster, "create", "token", name, "-n", namespace, "--audience", audience)
    assert result.worked, result.stderr
    return result.stdout.strip()


def _resigned(token: str, key: rsa.RSAPrivateKey, changed: dict[str, Any]) -> str:
    claims = jwt.decode(token, options={"verify_signature": False}) | changed
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def _role_arn(clients: LabClients) -> str:
    """Return the role ARN in the annotation of the workload's service account."""
    annotation = r"jsonpath={.metadata.annotations.eks\.amazonaws\.com/role-arn}"
    return clients.operate(CLUSTER, "get", "serviceaccount", SERVICE_ACCOUNT, "-o", annotation).stdout


def _assume(clients: LabClients, token: str, role_arn: str | None = None) -> str:
    """Return the verdict of STS on the token, by default for the workload's role."""
    arguments = ("--role-arn", role_arn or _role_arn(clients), "--role-session-name", "scenario")
    return clients.aws("sts", "assume-role-with-web-identity", *arguments, "--web-identity-token", token).verdict


def _pod(name: str, service_account: str | None, **containers: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            **({"serviceAccountName": service_account} if service_account else {}),
            "restartPolicy": "Never",
            "containers": [{"name": key, "image": IMAGE, "args": arguments} for key, arguments in containers.items()],
        },
    }


def _identity(clients: LabClients, pod: str, *variables: str) -> str:
    """Return those of `variables` and the token volumes that the pod's specification has."""
    spec = json.loads(clients.operate(CLUSTER, "get", "pod", pod, "-o", "json").stdout)["spec"]
    names = [variable["name"] for variable in spec["containers"][0].get("env", [])]
    volumes = [f"volume {volume['name']}" for volume in spec["volumes"] if volume["name"].endswith("-token")]
    return ", ".join([name for name in variables if name in names] + volumes)


def _buckets(log: str) -> str:
    lines = log.strip().splitlines()
    return ", ".join(line.split()[-1] for line in lines) if lines and BUCKET in log else log.strip()


def _denied(log: str) -> str:
    return "AccessDenied" if "AccessDenied" in log else log.strip()
