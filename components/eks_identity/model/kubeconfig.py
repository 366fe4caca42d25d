"""Kubeconfigs, with which kubectl and other clients get tokens from EKS.

A kubeconfig always contains the region, and a profile only if it is requested, so that the same document works for
other users and for pipelines.
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

from eks_identity.errors import MalformedDocumentError
from eks_identity.model import names

EXEC_API_VERSION = "client.authentication.k8s.io/v1beta1"
"""API version of the response of `aws eks get-token`; kubectl removed v1alpha1 in 1.24."""

_FILE = re.compile(r"(~|\.{1,2}|[A-Za-z]:)?[/\\][^\n{}]{1,400}|[\w. /\\-]{1,200}(\.ya?ml|\.json|\.conf|config)")
"""Text that is a path, not a document."""

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
    """Return a kubeconfig like `aws eks update-kubeconfig`, with one user that gets tokens from `aws eks get-token`.

    `certificate_authority` is base64, as DescribeCluster returns it. `role_arn` is assumed for the token. `profile`
    names an AWS profile that must exist wherever the document is used; omit it in shared documents.
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
    """Return the document as JSON, which is valid YAML."""
    return json.dumps(document, sort_keys=True)


def loads(text: str) -> Kubeconfig:
    """Return a kubeconfig from JSON or YAML; raise `MalformedDocumentError` for other text."""
    document = _parsed(text)
    if not isinstance(document, dict) or not {"clusters", "contexts", "current-context"} <= document.keys():
        raise MalformedDocumentError(
            "the kubeconfig must have clusters, contexts and current-context\n  fix: pass Cluster.kubeconfig"
        )
    _require_entries(document)
    return document


def loads_part(text: str) -> Kubeconfig:
    """Return one of the files of a kubeconfig, which may lack what another file or an option of kubectl has.

    Raises `MalformedDocumentError` for text that is no map.
    """
    document = _parsed(text)
    if not isinstance(document, dict):
        raise MalformedDocumentError("the kubeconfig must be a map\n  fix: pass Cluster.kubeconfig")
    _require_entries(document)
    return document


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)  # the library writes JSON, which parses much faster than YAML
    except json.JSONDecodeError:
        return _yaml(text)
    except (RecursionError, ValueError):  # ValueError: Python reads no integer of more than 4,300 digits
        return None


def _require_entries(document: Kubeconfig) -> None:
    for part in ("cluster", "context", "user"):
        if not _are_entries(document.get(f"{part}s"), part):
            rule = f"must have a list of {part}s, each a map with a name and the {part}"
            raise MalformedDocumentError(f"the kubeconfig {rule}\n  fix: pass Cluster.kubeconfig")


def _are_entries(entries: Any, part: str) -> bool:
    """Return whether the clusters, contexts or users of a kubeconfig have the form that other code reads."""
    return entries is None or (
        isinstance(entries, list)
        and all(
            isinstance(entry, dict)
            and isinstance(entry.get("name"), str)
            and isinstance(entry.get(part), dict | None)
            and _is_command((entry.get(part) or {}).get("exec"))
            for entry in entries
        )
    )


def _is_command(command: Any) -> bool:
    """Return whether a token's command has the form that other code reads: a list of arguments, and variables."""
    if command is None:
        return True
    if not isinstance(command, dict):
        return False
    arguments, variables = command.get("args"), command.get("env")
    return (
        isinstance(arguments, list | None)
        and isinstance(variables, list | None)
        and all(isinstance(each, dict) for each in variables or [])
        and all(isinstance(each, str | int | float | None) for each in arguments or [])
    )


def _yaml(text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception as error:  # noqa: BLE001 - beside its own errors, ruamel.yaml raises IndexError and others
        # The error's own text is omitted: it quotes the document, which may contain credentials.
        mark = getattr(error, "problem_mark", None)
        position = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise MalformedDocumentError(f"the kubeconfig must be YAML{position}\n  fix: pass Cluster.kubeconfig") from None


def require_usable(text: str) -> str:
    """Return a kubeconfig whose current context has a cluster. Messages omit its text, which may hold credentials."""
    if _FILE.fullmatch(names.text(text)):
        rule, fix = "must be the text of the file, not its path", "pass pathlib.Path(path).expanduser().read_text()"
        raise names.invalid(rule, f"{len(text)} characters", fix)
    try:
        server(text)
    except MalformedDocumentError as error:
        rule, _, fix = str(error).removeprefix("the kubeconfig ").partition("\n  fix: ")
        raise names.invalid(rule, f"{len(text)} characters", fix) from None
    return text


def server(text: str) -> str:
    """Return the API server of the document's current context, which identifies a cluster."""
    document = loads(text)
    current = document["current-context"]
    try:
        contexts = {each["name"]: each["context"]["cluster"] for each in document["contexts"]}
        clusters = {each["name"]: each["cluster"]["server"] for each in document["clusters"]}
        return str(clusters[contexts[current]]).rstrip("/")
    except (KeyError, TypeError):
        pass
    rule = "must have a current context with a cluster"
    raise MalformedDocumentError(f"the kubeconfig {rule}\n  fix: pass Cluster.kubeconfig")


def eks_cluster(text: str) -> dict[str, str] | None:
    """Return name, region and optional ARN of the EKS cluster of the document's token; None for other clusters.

    `aws eks update-kubeconfig` uses the cluster's ARN as the name of the context.
    """
    document = loads(text)
    for user in document.get("users") or []:
        arguments = ((user.get("user") or {}).get("exec") or {}).get("args") or []
        options = {flag: str(value) for flag, value in pairwise(arguments)}
        name = options.get("--cluster-name") or options.get("-i")
        if name and "--region" in options:
            cluster = {"cluster_name": name, "region": options["--region"]}
            current = str(document["current-context"])
            return {**cluster, "cluster_arn": current} if current.endswith(f":cluster/{name}") else cluster
    return None


@dataclass(frozen=True)
class ClusterEndpoint:
    """The API server and certificate authority of a kubeconfig, which identify a cluster. Contains no credentials."""

    server: str
    authority: bytes | None = field(repr=False)
    """The certificate authority; None if the document does not contain it."""

    @classmethod
    def of(cls, server: str, authority: str | None) -> ClusterEndpoint:
        """Return the coordinates; `authority` is base64, as in `certificate-authority-data`."""
        try:
            decoded = base64.b64decode(authority) if authority else None
        except (binascii.Error, ValueError):
            decoded = None
        return cls(server.rstrip("/"), b"".join(decoded.split()) if decoded else None)

    def is_same(self, other: ClusterEndpoint) -> bool | None:
        """Return whether both identify the same cluster; None if this cannot be decided.

        Each cluster has its own certificate authority. Its server may have several names, such as that of a tunnel.
        """
        if self.authority is not None and other.authority is not None:
            return self.authority == other.authority
        return True if self.server == other.server else None


def cluster_endpoint(text: str, context: str | None = None, cluster: str | None = None) -> ClusterEndpoint:
    """Return server and authority of the document's current context, or of the named `context` or `cluster`."""
    document = loads(text)
    try:
        contexts = {each["name"]: each["context"]["cluster"] for each in document["contexts"]}
        clusters = {each["name"]: each["cluster"] for each in document["clusters"]}
        selected = clusters[cluster or contexts[context or document["current-context"]]]
        return ClusterEndpoint.of(str(selected["server"]), selected.get("certificate-authority-data"))
    except (AttributeError, KeyError, TypeError):
        pass
    raise MalformedDocumentError("the kubeconfig must have a context with a cluster\n  fix: pass Cluster.kubeconfig")


def assumed_role(text: str) -> str | None:
    """Return the role that the document's user assumes for the token; None without one."""
    for user in loads(text).get("users") or []:
        arguments = ((user.get("user") or {}).get("exec") or {}).get("args") or []
        for flag, value in pairwise(arguments):
            if flag in {"--role-arn", "--role", "-r"}:
                return str(value)
    return None
