"""Texts of kubectl, client-go, the API server and aws-iam-authenticator.

An API server answers 403 with the username that authentication returned, and 401 without any reason.
"""

from __future__ import annotations

import re

from eks_access.errors import UsageError
from eks_access.questions.error_texts.error_text import WHOAMI, Chain, ErrorText, Workload, whoami
from eks_access.questions.requests import parse_request
from eks_identity.errors import InvalidInput
from eks_identity.model.arns import Arn

_SERVICE_ACCOUNT = "system:serviceaccount:"
_ANONYMOUS = "system:anonymous"


def _principal_or_caller(username: str, request: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command for a user: by default its name is the ARN of the principal or of its session."""
    if username.startswith(_SERVICE_ACCOUNT):
        return ("eks-access", "what-can", username.removeprefix(_SERVICE_ACCOUNT).replace(":", "/"))
    try:
        Arn.parse(username)
    except InvalidInput:
        return (*WHOAMI, *request)
    return ("eks-access", "trace", "principal", username, *request)


def _resource_request(match: re.Match[str], _: Workload) -> tuple[str, ...]:
    resource = _with_group(match["resource"], match["group"])
    request = ["--verb", match["verb"], "--resource", resource]
    request += ["--namespace", match["namespace"]] if match["namespace"] else []
    request += ["--name", match["name"]] if match["name"] else []
    return _principal_or_caller(match["user"], tuple(request))


def _with_group(resource: str, group: str) -> str:
    """Return a resource as `--resource` reads it; a dot at its end is the core group."""
    plural, slash, subresource = resource.partition("/")
    try:
        is_found = not group and parse_request("get", plural).api_group == group
    except UsageError:
        is_found = False
    return f"{plural}{'' if is_found else f'.{group}'}{slash}{subresource}"


def _path_request(match: re.Match[str], _: Workload) -> tuple[str, ...]:
    return _principal_or_caller(match["user"], ("--verb", match["verb"], "--resource", match["path"]))


def _unmapped(match: re.Match[str], _: Workload) -> tuple[str, ...]:
    return ("eks-access", "trace", "principal", match["arn"], "--verb", "list", "--resource", "pods")


def _named_cluster(match: re.Match[str], _: Workload) -> tuple[str, ...]:
    return (*WHOAMI, "--cluster", match["cluster"])


_MAPPING = "the link of the access entry or of the aws-auth mapping: the cluster maps the principal to no user"
_AUTHORIZATION = "the link of the authorization: no access policy and no binding of the user's groups allows it"

TEXTS = (
    ErrorText(
        "kubernetes-anonymous",
        re.compile(rf'[Ff]orbidden: User "{_ANONYMOUS}" cannot (?P<verb>\S+) (?P<what>resource|path) "'),
        f'forbidden: User "{_ANONYMOUS}" cannot …',
        Chain.CREDENTIALS,
        "The request had no token, so that the API server treats it as anonymous.",
        "the kubeconfig: its user has no command that gets a token, or the client uses another kubeconfig",
        whoami,
    ),
    ErrorText(
        "kubernetes-forbidden",
        re.compile(
            r'(?:"(?P<name>[^"]+)" is |is )?[Ff]orbidden: User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource '
            r'"(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
            r'(?: in the namespace "(?P<namespace>[^"]*)"| at the cluster scope)?'
        ),
        'is forbidden: User "…" cannot list resource "pods" in API group "" …',
        Chain.CLUSTER_ACCESS,
        'The cluster authenticated the caller as user "{user}", and nothing allows it to {verb} {resource}.',
        _AUTHORIZATION,
        _resource_request,
    ),
    ErrorText(
        "kubernetes-forbidden-path",
        re.compile(r'[Ff]orbidden: User "(?P<user>[^"]*)" cannot (?P<verb>\S+) path "(?P<path>[^"]+)"'),
        'forbidden: User "…" cannot get path "/metrics"',
        Chain.CLUSTER_ACCESS,
        'The cluster authenticated the caller as user "{user}", and no rule has the path {path}.',
        "the link of the authorization: no ClusterRole of the user has the path in its nonResourceURLs",
        _path_request,
    ),
    ErrorText(
        "authenticator-not-mapped",
        re.compile(r'msg="access denied" arn="(?P<arn>[^"]+)".* error="ARN is not mapped"'),
        'msg="access denied" arn="…" error="ARN is not mapped"',
        Chain.CLUSTER_ACCESS,
        "aws-iam-authenticator knows the caller as {arn}, and the cluster maps this ARN to no user.",
        _MAPPING,
        _unmapped,
    ),
    ErrorText(
        "authenticator-token",
        re.compile(r'(?:msg="access denied"|could not verify token).*(?:sts getCallerIdentity failed|input token)'),
        'msg="access denied" … error="sts getCallerIdentity failed: …"',
        Chain.CREDENTIALS,
        "aws-iam-authenticator passed the token to STS, which rejected it.",
        "the access key, the clock, or a token for another cluster or of another region's STS",
        whoami,
    ),
    ErrorText(
        "exec-plugin-missing",
        re.compile(r"getting credentials: exec: (?:executable \S+ not found|\S+: executable file not found)"),
        "getting credentials: exec: executable aws not found",
        Chain.CREDENTIALS,
        "The client cannot find the program that the kubeconfig names for getting a token.",
        "the kubeconfig's command: it is not installed, or not on the PATH of this client",
        whoami,
    ),
    ErrorText(
        "exec-plugin-failed",
        re.compile(r"getting credentials: exec: (?:executable \S+ failed with )?exit (?:code|status) \d+"),
        "getting credentials: exec: executable aws failed with exit code …",
        Chain.CREDENTIALS,
        "The kubeconfig's command for getting a token failed; its own message stands before this line.",
        "the AWS credentials of that command: none, expired, or a role that they may not assume",
        whoami,
    ),
    ErrorText(
        "exec-plugin-version",
        re.compile(r"exec plugin(?:: invalid apiVersion| is configured to use API version)"),
        'exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"',
        Chain.CREDENTIALS,
        "kubectl and the kubeconfig's command speak different versions of the credential API.",
        "the kubeconfig, written by an old aws or authenticator: run `aws eks update-kubeconfig` again",
        whoami,
    ),
    ErrorText(
        "kubernetes-certificate",
        re.compile(r"x509: certificate signed by unknown authority"),
        "x509: certificate signed by unknown authority",
        Chain.CREDENTIALS,
        "The API server's certificate is not of the authority in the kubeconfig.",
        "the kubeconfig's cluster: the certificate authority or the server is that of another or deleted cluster",
        whoami,
    ),
    ErrorText(
        "kubernetes-no-server",
        re.compile(
            r"connection to the server localhost:8080 was refused|lookup \S+\.eks\.amazonaws\.com\S*:? .*no such host"
        ),
        "The connection to the server localhost:8080 was refused",
        Chain.CREDENTIALS,
        "The client has no kubeconfig, or one with the API server of a deleted cluster.",
        "the kubeconfig's current context: run `aws eks update-kubeconfig`",
        whoami,
    ),
    ErrorText(
        "eks-no-cluster",
        re.compile(r"No cluster found for name: (?P<cluster>[\w-]+)"),
        "No cluster found for name: …",
        Chain.CREDENTIALS,
        "EKS has no cluster {cluster} in the region and account of the call.",
        "the account or the region of the AWS credentials: they are not those of the cluster",
        _named_cluster,
    ),
    ErrorText(
        "kubernetes-unauthorized",
        re.compile(
            r"You must be logged in to the server|the server has asked for the client to provide credentials|"
            r"Unable to authenticate the request|\bUnauthorized\b"
        ),
        "error: You must be logged in to the server (Unauthorized)",
        Chain.CLUSTER_ACCESS,
        "The API server rejected the token (401). It does not tell the client why.",
        f"{_MAPPING}; else the access key, the clock, or a kubeconfig of another cluster",
        whoami,
    ),
)
"""In the order in which they are searched: a specific text before a general one."""
