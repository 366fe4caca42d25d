"""Kubeconfigs: how kubectl, and every client built like it, comes to a token of EKS.

Nothing that depends on who runs it goes in: no profile unless asked for, the region always, so that the same document
works for a colleague and for a pipeline.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ruamel.yaml import YAML

from eks_identity.errors import InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import names

EXEC_API_VERSION = "client.authentication.k8s.io/v1beta1"
"""What `aws eks get-token` answers with; v1alpha1 is gone since kubectl 1.24."""

_FILE = re.compile(r"(~|\.{1,2}|[A-Za-z]:)?[/\\][^\n{}]{1,400}|[\w. /\\-]{1,200}(\.ya?ml|\.json|\.conf|config)")
"""What is a path rather than a document."""

Kubeconfig = dict[str, Any]


def kubeconfig(
    *,
    cluster_arn: str,
    cluster_name: str,
    endpoint: str,
    certificate_authority: str,
    region: str,
    role_arn: str | None = None,
    profile: str | None = None,
) -> Kubeconfig:
    """A kubeconfig whose one user gets its token from `aws eks get-token`, as `aws eks update-kubeconfig` writes it.

    `certificate_authority` is base64, as DescribeCluster gives it. `role_arn` is assumed for the token. `profile` names
    an AWS profile that must exist wherever the document is used; leave it out of anything that is shared.
    """
    command = ["--region", region, "eks", "get-token", "--cluster-name", cluster_name, "--output", "json"]
    if role_arn is not None:
        command += ["--role-arn", role_arn]
    user: dict[str, Any] = {
        "apiVersion": EXEC_API_VERSION,
        "command": "aws",
        "args": command,
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    if profile is not None:
        user["env"] = [{"name": "AWS_PROFILE", "value": profile}]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster_arn, "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority}}
        ],
        "contexts": [{"name": cluster_arn, "context": {"cluster": cluster_arn, "user": cluster_arn}}],
        "current-context": cluster_arn,
        "users": [{"name": cluster_arn, "user": {"exec": user}}],
    }


def dumps(document: Kubeconfig) -> str:
    """The document as JSON, which is YAML too."""
    return json.dumps(document, sort_keys=True)


def loads(text: str) -> Kubeconfig:
    """Reads a kubeconfig, JSON or YAML; raises `MalformedDocumentError` for anything else."""
    try:
        document = json.loads(text)  # what this library writes, and much sooner read
    except json.JSONDecodeError:
        document = _yaml(text)
    if not isinstance(document, dict) or not {"clusters", "contexts", "current-context"} <= set(document):
        raise MalformedDocumentError(
            "the kubeconfig has no clusters, contexts and current-context\n  fix: pass Cluster.kubeconfig"
        )
    return document


def _yaml(text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception as error:  # noqa: BLE001 - beside its own errors, ruamel.yaml raises IndexError and others
        # Without the error's own text, which quotes the document: there may be credentials in the line.
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise MalformedDocumentError(f"the kubeconfig is not YAML{place}\n  fix: pass Cluster.kubeconfig") from None


def usable(text: str) -> str:
    """A kubeconfig that leads to a cluster. Its own text, which may hold credentials, is in no message."""
    if _FILE.fullmatch(names.text(text)):
        rule, fix = "must be the text of the file, not its path", "pass pathlib.Path(path).expanduser().read_text()"
        raise InvalidInput([Problem("", rule, f"{len(text)} characters", fix)])
    try:
        server(text)
    except MalformedDocumentError as error:
        rule, _, fix = str(error).partition("\n  fix: ")
        raise InvalidInput([Problem("", rule, f"{len(text)} characters", fix)]) from None
    return text


def server(text: str) -> str:
    """The API server that the document's current context points at: what tells two clusters apart."""
    document = loads(text)
    current = document["current-context"]
    try:
        contexts = {each["name"]: each["context"]["cluster"] for each in document["contexts"]}
        clusters = {each["name"]: each["cluster"]["server"] for each in document["clusters"]}
        return str(clusters[contexts[current]]).rstrip("/")
    except (KeyError, TypeError):
        pass
    raise MalformedDocumentError("the kubeconfig's current context leads to no cluster\n  fix: pass Cluster.kubeconfig")


def eks_cluster(text: str) -> dict[str, str] | None:
    """Name, region and, if the document has it, ARN of the EKS cluster that its token is for; None for another one.

    `aws eks update-kubeconfig` names the cluster by its ARN.
    """
    document = loads(text)
    for user in document.get("users") or []:
        arguments = ((user.get("user") or {}).get("exec") or {}).get("args") or []
        options = {flag: str(value) for flag, value in pairwise(arguments)}
        name = options.get("--cluster-name") or options.get("-i")
        if name and "--region" in options:
            found = {"cluster_name": name, "region": options["--region"]}
            current = str(document["current-context"])
            return {**found, "cluster_arn": current} if current.endswith(f":cluster/{name}") else found
    return None


@dataclass(frozen=True)
class Place:
    """Where a kubeconfig leads to: what tells two clusters apart, and nothing of credentials."""

    server: str
    authority: bytes | None = field(repr=False)
    """The certificate authority; None where the document does not hold it."""

    @classmethod
    def of(cls, server: str, authority: str | None) -> Place:
        """`authority` is base64, as in `certificate-authority-data`."""
        try:
            decoded = base64.b64decode(authority) if authority else None
        except (binascii.Error, ValueError):
            decoded = None
        return cls(server.rstrip("/"), b"".join(decoded.split()) if decoded else None)

    def is_same(self, other: Place) -> bool | None:
        """Whether both are one cluster; None where that cannot be seen.

        A cluster has an authority of its own. Its server may be reached by several names: through a tunnel, for one.
        """
        if self.authority is not None and other.authority is not None:
            return self.authority == other.authority
        return True if self.server == other.server else None


def place(text: str, context: str | None = None, cluster: str | None = None) -> Place:
    """Where the document leads to, by its current context or the one that is named, or by the cluster that is named."""
    document = loads(text)
    try:
        contexts = {each["name"]: each["context"]["cluster"] for each in document["contexts"]}
        clusters = {each["name"]: each["cluster"] for each in document["clusters"]}
        found = clusters[cluster or contexts[context or document["current-context"]]]
        return Place.of(str(found["server"]), found.get("certificate-authority-data"))
    except (AttributeError, KeyError, TypeError):
        pass
    raise MalformedDocumentError("the kubeconfig's context leads to no cluster\n  fix: pass Cluster.kubeconfig")


def assumed_role(text: str) -> str | None:
    """The role that the document's users assume for their token; None where whoever uses it is themselves."""
    for user in loads(text).get("users") or []:
        arguments = ((user.get("user") or {}).get("exec") or {}).get("args") or []
        for flag, value in pairwise(arguments):
            if flag in {"--role-arn", "--role", "-r"}:
                return str(value)
    return None
