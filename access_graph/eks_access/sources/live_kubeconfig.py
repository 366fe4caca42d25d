"""Contexts of kubeconfigs, and the EKS cluster of each.

| written by                    | cluster name and region                                        |
|-------------------------------|----------------------------------------------------------------|
| `aws eks update-kubeconfig`   | `--cluster-name` and `--region` of `aws eks get-token`; the ARN |
| aws-iam-authenticator         | `-i` or `--cluster-id`; the region of the API server's host name |
| eksctl                        | as above; `NAME.REGION.eksctl.io`                              |
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from eks_access.errors import UsageError
from eks_identity.errors import InvalidInput, MalformedDocumentError
from eks_identity.model import arns, kubeconfig

_NAME_OPTIONS = ("--cluster-name", "--cluster-id", "-i")
_ROLE_OPTIONS = ("--role-arn", "--role", "-r")
_SERVER = re.compile(r"https://[^/]+\.(?P<region>[a-z]{2}(-[a-z]+)+-\d)\.eks\.[a-z.]+?(:\d+)?/?")
_EKSCTL = re.compile(r"(?:.*@)?(?P<name>[\w-]+)\.(?P<region>[a-z]{2}(-[a-z]+)+-\d)\.eksctl\.io")
_UPDATE = "run `aws eks update-kubeconfig --name CLUSTER --region REGION`"


@dataclass(frozen=True)
class Context:
    """A context of a kubeconfig."""

    name: str
    document: Mapping[str, Any]
    """The kubeconfig, with this context as the current one."""
    file: Path
    cluster_name: str | None
    """None if the context does not tell its EKS cluster."""
    region: str | None
    account: str | None
    profile: str | None
    """AWS profile of the command that gets the token."""
    namespace: str = "default"
    program: str = ""
    """The command that gets the token; empty without one."""
    role_arn: str = ""
    """Role that the command assumes."""
    token_region: str | None = None
    """Region whose STS verifies the token."""
    cluster_region: str | None = None
    """Region in the name of the context, of its cluster or of the API server."""

    def is_of(self, cluster: str, region: str | None) -> bool:
        """Return whether the context may be of the EKS cluster `cluster` in `region`."""
        return self.cluster_name == cluster and (region is None or self.region in (None, region))

    def endpoint(self) -> kubeconfig.ClusterEndpoint | None:
        """Return the API server and its certificate authority; None if the kubeconfig lacks them."""
        try:
            return kubeconfig.cluster_endpoint(kubeconfig.dumps(dict(self.document)), self.name)
        except MalformedDocumentError:
            return None


def find_context(
    path: Path | None, context: str | None, cluster: str | None = None, region: str | None = None
) -> Context | None:
    """Return the named context, or that of the EKS cluster, by default the current one. None if there is none.

    Raises `UsageError` if `path` or `context` do not exist.
    """
    files = _files(path)
    if not files:
        if context is not None:
            raise UsageError(
                f"--context must be a context of a kubeconfig, and there is no kubeconfig: {context}", _UPDATE
            )
        return None
    document = _merge(files)
    names = [str(each.get("name")) for each in document["contexts"]]
    if context is not None and context not in names:
        existing = ", ".join(names) or "none"
        raise UsageError(f"--context must be one of {existing} in {files[0]}: {context}", "pass one of them")
    current = context or document.get("current-context")
    ordered = sorted(names, key=lambda name: name != current)
    contexts = [_context(name, document, files[0]) for name in ordered]
    if context is not None or cluster is None:
        return next((each for each in contexts if each.name == current), None)
    found = [each for each in contexts if each.is_of(cluster, region)]
    # A kubeconfig that is passed is of the cluster, also one with client certificates, which does not tell its cluster.
    found += [each for each in contexts if path is not None and each.name == current and each.cluster_name is None]
    return next(iter(found), None)


def _files(path: Path | None) -> list[Path]:
    if path is not None:
        if not path.expanduser().is_file():
            raise UsageError(f"--kubeconfig must be an existing file: {path}", _UPDATE)
        return [path.expanduser()]
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    files = [Path(name).expanduser() for name in named.split(os.pathsep) if name]
    return [file for file in files if file.is_file()]


def _merge(files: list[Path]) -> dict[str, Any]:
    """Return the kubeconfigs as kubectl merges them: the first file that has a name wins."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for file in files:
        text = file.read_text()
        if not text.strip():
            continue
        try:
            document = kubeconfig.loads_part(text)
        except MalformedDocumentError as error:
            raise UsageError(f"{file} cannot be used: {str(error).partition(chr(10))[0]}", _UPDATE) from None
        merged["current-context"] = merged.get("current-context") or document.get("current-context")
        for key in ("clusters", "contexts", "users"):
            entries = merged.setdefault(key, [])
            existing = {entry["name"] for entry in entries}
            entries += [entry for entry in document.get(key) or [] if entry["name"] not in existing]
    return {"clusters": [], "contexts": [], "users": [], **merged}


def _context(name: str, document: Mapping[str, Any], file: Path) -> Context:
    selected = _entry(document, "contexts", name).get("context") or {}
    server = str((_entry(document, "clusters", selected.get("cluster")).get("cluster") or {}).get("server", ""))
    command = (_entry(document, "users", selected.get("user")).get("user") or {}).get("exec") or {}
    options = dict(_options([str(argument) for argument in command.get("args") or []]))
    variables = {str(each.get("name")): str(each.get("value")) for each in command.get("env") or []}
    cluster = next((options[option] for option in _NAME_OPTIONS if option in options), None)
    token_regions = [options.get("--region"), variables.get("AWS_REGION"), variables.get("AWS_DEFAULT_REGION")]
    regions: list[str | None] = []
    account = None
    for text in (name, str(selected.get("cluster"))):
        if arn := _cluster_arn(text):
            cluster, account = cluster or arn.resource.partition("/")[2], account or arn.account
            regions.append(arn.region)
        if match := _EKSCTL.fullmatch(text):
            cluster = cluster or match["name"]
            regions.append(match["region"])
    if match := _SERVER.fullmatch(server):
        regions.append(match["region"])
    return Context(
        name,
        {**document, "current-context": name},
        file,
        cluster,
        next(filter(None, [*token_regions, *regions]), None),
        account,
        # `aws` prefers its option to the variable.
        options.get("--profile") or variables.get("AWS_PROFILE"),
        namespace=selected.get("namespace") or "default",
        program=str(command.get("command") or ""),
        role_arn=next((options[option] for option in _ROLE_OPTIONS if option in options), ""),
        token_region=next(filter(None, token_regions), None),
        cluster_region=next(filter(None, regions), None),
    )


def _entry(document: Mapping[str, Any], key: str, name: str | None) -> Mapping[str, Any]:
    return next((entry for entry in document[key] if entry.get("name") == name), {})


def _options(arguments: list[str]) -> Iterator[tuple[str, str]]:
    for argument, following in pairwise([*arguments, ""]):
        option, separator, value = argument.partition("=")
        if option.startswith("-"):
            yield option, value if separator else following


def _cluster_arn(text: str) -> arns.Arn | None:
    try:
        return arns.Arn.parse(arns.cluster_arn(text))
    except InvalidInput:
        return None
