"""The resources that a Pulumi program registers, from a subprocess that runs it without engine and plugins."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eks_access.errors import SourceError
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Cluster, Unknown
from eks_access.questions.adoption.imports import Registration

_MODULE = "eks_identity.testing.registrations"
_LIVE = "adopt from --source live, or from a new snapshot"


class RejectedError(Exception):
    """A component of the program rejects its inputs."""

    def __init__(self, subject: str, reason: str) -> None:
        self.subject = subject
        self.reason = reason
        super().__init__(subject, reason)


def register_program(
    program: Path, graph: AccessGraph, *, project: str, stack: str, config: Mapping[str, str] | None = None
) -> list[Registration]:
    """Return what a program registers for the cluster of a graph.

    Raises `RejectedError` for inputs that a component rejects, `SourceError` if the program cannot be run.
    """
    cluster = graph.cluster.get()
    request = {
        "program": str(program),
        "project": project,
        "stack": stack,
        "config": dict(config or {}),
        "account": cluster.account,
        "region": cluster.region,
        "cluster": _description(cluster),
        "oidc_provider": _oidc_provider(graph, cluster),
    }
    done = subprocess.run(
        [sys.executable, "-m", _MODULE],
        input=json.dumps(request),
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"{program} cannot be run: {done.stderr.strip()[-1000:]}"
        raise SourceError(message, "install the distribution eks-identity with pulumi beside eks-access")
    response = json.loads(done.stdout.splitlines()[-1])
    if "error" in response:
        reasons = [f"{each['input']} {each['rule']}".strip() for each in response["problems"]]
        raise RejectedError(response["subject"], "; ".join(reasons))
    resources = [Registration(**each) for each in response["resources"]]
    if twice := sorted(urn for urn, count in Counter(each.urn for each in resources).items() if count > 1):
        message = f"{program} registers two resources with one URN, which Pulumi rejects: {twice[0]}"
        raise SourceError(message, "rename the group or service account that is the beginning of another one's name")
    return resources


def _description(cluster: Cluster) -> dict[str, Any]:
    """Return the cluster as the aws plugin's getCluster does."""
    needed = ("arn", "endpoint", "issuer", "authentication_mode", "certificate_authority")
    values = {name: getattr(cluster, name) for name in needed}
    lacking = [name.replace("_", " ") for name, value in values.items() if isinstance(value, Unknown) or not value]
    if lacking:
        raise SourceError(f"the source must have the {', '.join(lacking)} of cluster {cluster.name}", _LIVE)
    return {
        "id": cluster.name,
        "name": cluster.name,
        "arn": cluster.arn,
        "endpoint": cluster.endpoint,
        "region": cluster.region,
        "certificateAuthorities": [{"data": cluster.certificate_authority}],
        "identities": [{"oidcs": [{"issuer": cluster.issuer}]}],
        "accessConfigs": [{"authenticationMode": cluster.authentication_mode}],
    }


def _oidc_provider(graph: AccessGraph, cluster: Cluster) -> dict[str, Any] | None:
    """Return the provider of the cluster's issuer as the aws plugin's getOpenIdConnectProvider does."""
    host = str(cluster.issuer).removeprefix("https://")
    for provider in graph.oidc_providers.all().values():
        if provider.arn.endswith(f"{cluster.account}:oidc-provider/{host}"):
            return {"arn": provider.arn, "url": provider.url, "clientIdLists": list(provider.audiences)}
    return None
