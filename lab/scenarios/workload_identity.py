"""Story 2: one pod may read buckets, and only that pod."""

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
refusals = Scenario(2)
by_pod_identity = Scenario(2)
destroyed = Scenario(2)


def prepare(world: LabClients) -> None:
    """What the story finds: a bucket, service accounts of others, and an OIDC provider that somebody registered."""
    region = world.home.require_running().region
    location = {"LocationConstraint": region}
    client(world.home, "s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    # What `eksctl utils associate-iam-oidc-provider` does.
    issuer = _issuer(world, OTHER_CLUSTER)
    client(world.home, "iam").create_open_id_connect_provider(Url=issuer, ClientIDList=[AUDIENCE])
    world.operate(CLUSTER, "create", "namespace", "team")
    for cluster, namespace, name in (
        (CLUSTER, "default", "other-sa"),
        (CLUSTER, "team", SERVICE_ACCOUNT),
        (OTHER_CLUSTER, "default", SERVICE_ACCOUNT),
    ):
        world.operate(cluster, "create", "serviceaccount", name, "-n", namespace)
    world.apply(CLUSTER, _pod("pod-before", None, ls=["s3", "ls"]))


@before.step("pod-before runs aws s3 ls", seen_with="kubectl logs", expected="AccessDenied, as the node's role")
def pod_before(world: LabClients) -> str:
    log = world.logs_when_done(CLUSTER, "pod-before")
    as_node = ", as the node's role" if "assumed-role/eks-lab-node/" in log else ""
    return f"AccessDenied{as_node}" if "AccessDenied" in log else log.strip()


@after.step(
    "pulumi up made the objects of the chain",
    seen_with="engine's state",
    expected="OpenIdConnectProvider, Role, RolePolicyAttachment, ServiceAccount",
)
def objects_of_the_chain(world: LabClients) -> str:
    kinds = {resource["type"].rpartition(":")[2] for resource in world.engine_state() if resource["custom"]}
    return ", ".join(sorted(kinds & {"OpenIdConnectProvider", "Role", "RolePolicyAttachment", "ServiceAccount"}))


@after.step(
    "pod-after gets an identity",
    seen_with="kubectl get pod",
    expected="AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, volume aws-iam-token",
)
def pod_after_identity(world: LabClients) -> str:
    world.apply(CLUSTER, _pod("pod-after", SERVICE_ACCOUNT, ls=["s3", "ls"], mb=["s3", "mb", "s3://another-bucket"]))
    return _identity(world, "pod-after", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")


@after.step("pod-after runs aws s3 ls", seen_with="kubectl logs", expected=BUCKET)
def pod_after_lists(world: LabClients) -> str:
    return _buckets(world.logs_when_done(CLUSTER, "pod-after", container="ls"))


@after.step("pod-after runs aws s3 mb", seen_with="kubectl logs", expected="AccessDenied")
def pod_after_makes(world: LabClients) -> str:
    return _denied(world.logs_when_done(CLUSTER, "pod-after", container="mb"))


@after.step(f"test-pod on {OTHER_CLUSTER} runs aws s3 ls", seen_with="kubectl logs", expected=BUCKET)
def test_pod_lists(world: LabClients) -> str:
    world.apply(OTHER_CLUSTER, _pod("test-pod", "test-sa", ls=["s3", "ls"]))
    return _buckets(world.logs_when_done(OTHER_CLUSTER, "test-pod"))


@refusals.step("its own token assumes the role", seen_with="aws sts", expected="works")
def own_token(world: LabClients) -> str:
    return _assume(world, _token(world))


@refusals.step("another service account's token", seen_with="aws sts", expected="AccessDenied")
def other_service_account(world: LabClients) -> str:
    return _assume(world, _token(world, name="other-sa"))


@refusals.step("the same name in another namespace", seen_with="aws sts", expected="AccessDenied")
def other_namespace(world: LabClients) -> str:
    return _assume(world, _token(world, namespace="team"))


@refusals.step("a token for another audience", seen_with="aws sts", expected="InvalidIdentityToken")
def other_audience(world: LabClients) -> str:
    return _assume(world, _token(world, audience="https://kubernetes.default.svc"))


@refusals.step("an audience that the provider has, not the role", seen_with="aws sts", expected="AccessDenied")
def other_audience_of_the_provider(world: LabClients) -> str:
    issuer = _issuer(world, CLUSTER).removeprefix("https://")
    provider = next(arn for arn in _providers(world) if arn.endswith(issuer))
    named = {"OpenIDConnectProviderArn": provider, "ClientID": "other-audience"}
    iam = client(world.home, "iam")
    iam.add_client_id_to_open_id_connect_provider(**named)
    seen = _assume(world, _token(world, audience="other-audience"))
    iam.remove_client_id_from_open_id_connect_provider(**named)
    return seen


@refusals.step("the same service account of another cluster", seen_with="aws sts", expected="AccessDenied")
def other_cluster(world: LabClients) -> str:
    return _assume(world, _token(world, cluster=OTHER_CLUSTER))


@refusals.step("a role of another account", seen_with="aws sts", expected="InvalidIdentityToken")
def other_account(world: LabClients) -> str:
    name = _role_arn(world).rpartition("/")[2]
    trust = client(world.home, "iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    there = client(world.home, "iam", OTHER_ADMINISTRATOR)
    made = there.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return _assume(world, _token(world), made["Role"]["Arn"])


@refusals.step("an expired token", seen_with="aws sts", expected="ExpiredTokenException")
def expired_token(world: LabClients) -> str:
    hour_ago = int(time.time()) - 3600
    times = {"iat": hour_ago, "nbf": hour_ago, "exp": hour_ago + 600}
    return _assume(world, _resigned(_token(world), world.signing_key(CLUSTER), times))


@refusals.step("a token that somebody else signed", seen_with="aws sts", expected="InvalidIdentityToken")
def forged_token(world: LabClients) -> str:
    return _assume(world, _resigned(_token(world), rsa.generate_private_key(65537, 2048), {}))


@refusals.step("a token whose subject was changed", seen_with="aws sts", expected="InvalidIdentityToken")
def changed_token(world: LabClients) -> str:
    header, _, signature = _token(world).split(".")
    _, claims, _ = _token(world, name="other-sa").split(".")
    return _assume(world, f"{header}.{claims}.{signature}")


@by_pod_identity.step(
    "the same workload by Pod Identity",
    seen_with="kubectl get pod",
    expected="AWS_CONTAINER_CREDENTIALS_FULL_URI, volume eks-pod-identity-token",
)
def pod_identity(world: LabClients) -> str:
    world.apply(CLUSTER, _pod("pod-identity", SERVICE_ACCOUNT, ls=["s3", "ls"]))
    return _identity(world, "pod-identity", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@by_pod_identity.step("it runs aws s3 ls", seen_with="kubectl logs", expected=BUCKET)
def pod_identity_lists(world: LabClients) -> str:
    return _buckets(world.logs_when_done(CLUSTER, "pod-identity"))


@destroyed.step("pulumi destroy", seen_with="engine", expected="succeeded, nothing left")
def destroy(world: LabClients) -> str:
    report = world.pipeline("destroy")
    left = [resource["type"] for resource in world.engine_state() if resource["type"] != "pulumi:pulumi:Stack"]
    return f"{report['result']}, {', '.join(left) or 'nothing left'}"


@destroyed.step("nothing of ours is left", seen_with="aws, kubectl", expected="no roles, no service accounts")
def nothing_left(world: LabClients) -> str:
    listed = json.loads(world.aws("iam", "list-roles").stdout)["Roles"]
    roles = sorted({role["RoleName"] for role in listed} - {CLUSTER_ROLE, NODE_ROLE})
    accounts = [
        name
        for cluster, name in ((CLUSTER, SERVICE_ACCOUNT), (OTHER_CLUSTER, "test-sa"))
        if world.operate(cluster, "get", "serviceaccount", name).worked
    ]
    return f"{', '.join(roles) or 'no roles'}, {', '.join(accounts) or 'no service accounts'}"


@destroyed.step("the adopted provider is still there", seen_with="aws iam", expected=f"the one of {OTHER_CLUSTER}")
def adopted_provider_left(world: LabClients) -> str:
    adopted = _issuer(world, OTHER_CLUSTER).removeprefix("https://")
    left = _providers(world)
    only_adopted = len(left) == 1 and left[0].endswith(adopted)
    return f"the one of {OTHER_CLUSTER}" if only_adopted else ", ".join(left) or "none"


def _issuer(world: LabClients, cluster: str) -> str:
    described = client(world.home, "eks").describe_cluster(name=cluster)["cluster"]
    return str(described["identity"]["oidc"]["issuer"])


def _providers(world: LabClients) -> list[str]:
    listed = json.loads(world.aws("iam", "list-open-id-connect-providers").stdout)
    return [provider["Arn"] for provider in listed["OpenIDConnectProviderList"]]


def _token(
    world: LabClients,
    *,
    cluster: str = CLUSTER,
    namespace: str = "default",
    name: str = SERVICE_ACCOUNT,
    audience: str = AUDIENCE,
) -> str:
    """A real token of the service account, from the cluster's own TokenRequest."""
    asked = world.operate(cluster, "create", "token", name, "-n", namespace, "--audience", audience)
    assert asked.worked, asked.stderr
    return asked.stdout.strip()


def _resigned(token: str, key: rsa.RSAPrivateKey, changed: dict[str, Any]) -> str:
    claims = jwt.decode(token, options={"verify_signature": False}) | changed
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def _role_arn(world: LabClients) -> str:
    """The role of the workload, as its service account names it."""
    annotation = r"jsonpath={.metadata.annotations.eks\.amazonaws\.com/role-arn}"
    return world.operate(CLUSTER, "get", "serviceaccount", SERVICE_ACCOUNT, "-o", annotation).stdout


def _assume(world: LabClients, token: str, role_arn: str | None = None) -> str:
    """What STS says to the token, for the role of the story."""
    named = ("--role-arn", role_arn or _role_arn(world), "--role-session-name", "story")
    return world.aws("sts", "assume-role-with-web-identity", *named, "--web-identity-token", token).verdict


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


def _identity(world: LabClients, pod: str, *variables: str) -> str:
    """Which of `variables` and which token volumes the pod was given."""
    spec = json.loads(world.operate(CLUSTER, "get", "pod", pod, "-o", "json").stdout)["spec"]
    names = [variable["name"] for variable in spec["containers"][0].get("env", [])]
    volumes = [f"volume {volume['name']}" for volume in spec["volumes"] if volume["name"].endswith("-token")]
    return ", ".join([name for name in variables if name in names] + volumes)


def _buckets(log: str) -> str:
    lines = log.strip().splitlines()
    return ", ".join(line.split()[-1] for line in lines) if lines and BUCKET in log else log.strip()


def _denied(log: str) -> str:
    return "AccessDenied" if "AccessDenied" in log else log.strip()
