"""Scenario 3: one string of a chain is wrong. `eks-access` names it, and its fix is run as printed."""

from __future__ import annotations

import json
import sys

from lab.scenarios.clients import CommandResult, LabClients
from lab.scenarios.cluster_access import CLUSTER, USER
from lab.scenarios.step import Scenario

ROLE = "sa-role"
SERVICE_ACCOUNT = "test-sa"
_FIX = "  fix:       "
_NAMESPACE = "system:serviceaccount:default:"

broken_links = Scenario(3)


@broken_links.step("a group in aws-auth is misspelt by hand", client="kubectl", expected="works")
def misspell_group(clients: LabClients) -> str:
    found = clients.operate(CLUSTER, "-n", "kube-system", "get", "configmap", "aws-auth", "-o", "json")
    users = json.loads(found.stdout)["data"]["mapUsers"].replace("operators", "operator")
    patch = json.dumps({"data": {"mapUsers": users}})
    return clients.operate(CLUSTER, "-n", "kube-system", "patch", "configmap", "aws-auth", "--patch", patch).verdict


@broken_links.step(f"{USER} lists nodes, group misspelt", client="kubectl", expected="Forbidden")
def user_is_denied(clients: LabClients) -> str:
    return clients.kubectl(CLUSTER, "get", "nodes", principal=USER).verdict


@broken_links.step(
    "eks-access names the group",
    client="eks-access trace principal",
    expected="the group of the mapping differs from the group of the binding",
)
def trace_principal(clients: LabClients) -> str:
    return _title(_trace_principal(clients))


@broken_links.step("its fix, as printed", client="kubectl", expected="works")
def fix_group(clients: LabClients) -> str:
    return _play(clients, _trace_principal(clients))


@broken_links.step(f"{USER} lists nodes, fixed", client="kubectl", expected="works")
def user_is_allowed(clients: LabClients) -> str:
    return clients.kubectl(CLUSTER, "get", "nodes", principal=USER).verdict


@broken_links.step("a trust policy names another namespace", client="aws iam", expected="works")
def change_trust(clients: LabClients) -> str:
    found = clients.aws("iam", "get-role", "--role-name", ROLE)
    policy = json.dumps(json.loads(found.stdout)["Role"]["AssumeRolePolicyDocument"])
    changed = policy.replace(_NAMESPACE, _NAMESPACE.replace("default", "prod"))
    options = ("--role-name", ROLE, "--policy-document", changed)
    return clients.aws("iam", "update-assume-role-policy", *options).verdict


@broken_links.step(f"the token of {SERVICE_ACCOUNT}, namespace changed", client="aws sts", expected="AccessDenied")
def token_is_denied(clients: LabClients) -> str:
    return _assume(clients)


@broken_links.step(
    "eks-access names the trust policy",
    client="eks-access trace serviceaccount",
    expected="the trust policy names another service account",
)
def trace_service_account(clients: LabClients) -> str:
    return _title(_trace_service_account(clients))


@broken_links.step("its fix, as printed", client="aws iam", expected="works")
def fix_trust(clients: LabClients) -> str:
    return _play(clients, _trace_service_account(clients))


@broken_links.step(f"the token of {SERVICE_ACCOUNT}, fixed", client="aws sts", expected="works")
def token_is_accepted(clients: LabClients) -> str:
    return _assume(clients)


def _trace_principal(clients: LabClients) -> CommandResult:
    arn = json.loads(clients.aws("iam", "get-user", "--user-name", USER).stdout)["User"]["Arn"]
    return _eks_access(clients, "trace", "principal", arn, "--verb", "list", "--resource", "nodes")


def _trace_service_account(clients: LabClients) -> CommandResult:
    return _eks_access(clients, "trace", "serviceaccount", f"default/{SERVICE_ACCOUNT}")


def _eks_access(clients: LabClients, *arguments: str) -> CommandResult:
    return clients.run(sys.executable, "-m", "eks_access", *arguments, "--context", CLUSTER)


def _title(traced: CommandResult) -> str:
    """Return the fault of the only finding: the text between its subject and what the object says."""
    lines = traced.stdout.splitlines()
    titles = [lines[number - 1].rpartition(": ")[2] for number, line in enumerate(lines) if line.startswith("  says:")]
    return "; ".join(titles) or traced.stdout + traced.stderr


def _play(clients: LabClients, traced: CommandResult) -> str:
    """Run the fix of the only finding by a shell."""
    fixes = [line.removeprefix(_FIX) for line in traced.stdout.splitlines() if line.startswith(_FIX)]
    return clients.run("sh", "-c", " && ".join(fixes) or "false").verdict


def _assume(clients: LabClients) -> str:
    options = ("--audience", "sts.amazonaws.com")
    token = clients.operate(CLUSTER, "create", "token", SERVICE_ACCOUNT, *options).stdout.strip()
    arn = json.loads(clients.aws("iam", "get-role", "--role-name", ROLE).stdout)["Role"]["Arn"]
    request = ("--role-arn", arn, "--role-session-name", "scenario", "--web-identity-token", token)
    return clients.aws("sts", "assume-role-with-web-identity", *request).verdict
