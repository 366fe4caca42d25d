"""Whether a kubernetes provider that is passed reaches the cluster that a component declares something in.

A service account in one cluster and its association in another would both be created, and no pod would get the role.
Compared once for each provider and cluster of a program, before the component is registered. Nothing of a kubeconfig
is in any message.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import rpc

from eks_identity.clusters import provider_account
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.kubeconfig import Place
from eks_identity.redaction import SECRET
from eks_identity.runtime import diagnostics, invoke
from eks_identity.runtime.credentials import provider_of
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, refusing
from eks_identity.runtime.program_state import per_program

_FIELDS = ("arn", "endpoint", "certificate_authority", "kubeconfig")
_KUBECONFIG_FILE = Path("~/.kube/config")


def remember(provider: pulumi.ProviderResource, kubeconfig: pulumi.Output[str]) -> None:
    """Notes that `provider` was declared with `kubeconfig`, which the SDK does not tell of a provider."""
    _own()[provider] = kubeconfig


def of_cluster(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, cluster: ClusterConnection
) -> provider_account.Check | None:
    """Rejects a kubernetes provider of another cluster; None where there is none, or it certainly is the cluster's."""
    provider = provider_of("kubernetes", opts)
    if provider is None or _own().get(provider) is cluster["kubeconfig"]:
        return None
    asked = provider
    facts: dict[str, Any] = {name: cluster[name] for name in _FIELDS}  # type: ignore[literal-required]

    async def require(known: dict[str, str]) -> None:
        is_secret = isinstance(cluster["arn"], pulumi.Output) and await cluster["arn"].is_secret()
        arn = SECRET if is_secret else known["arn"]
        found = await _place_of(asked, arn, inputs.subject)
        if found is None:
            return
        same = [found.is_same(each) for each in _places(known)]
        if True in same:
            return
        shown = await provider_account.named(asked, "kubernetes")
        if False in same:
            rule = f"must have a kubernetes provider of cluster {arn}: this one trusts the certificate authority of "
            rule += "another cluster"
            fix = (
                f"pass the provider of that cluster: {CLUSTER_PROVIDER.removeprefix('pass ')}; where a proxy with an "
                "authority of its own leads to it, set cluster.kubeconfig to the provider's kubeconfig"
            )
            raise InvalidInput([Problem("opts.providers", rule, shown, fix)])
        _unverified(inputs.subject, shown, arn, "it has another server, and no certificate authority")

    key = ("kubernetes", provider, *(value if isinstance(value, str) else id(value) for value in facts.values()))

    def make() -> pulumi.Output[None]:
        # A kubeconfig is mostly secret. No part of it is in the error, which then need not be hidden whole.
        return refusing(pulumi.Output.unsecret(pulumi.Output.all(**facts)), require, inputs.subject)

    return provider_account.once(key, [facts, provider], make)


def _own() -> dict[pulumi.ProviderResource, pulumi.Output[str]]:
    return per_program(__name__, dict)


def _places(cluster: Mapping[str, str]) -> list[Place]:
    """Where the cluster is: as EKS describes it, and as its kubeconfig leads there."""
    found = [Place.of(cluster["endpoint"], cluster["certificate_authority"])]
    try:
        return [*found, kubeconfigs.place(cluster["kubeconfig"])]
    except MalformedDocumentError:
        return found  # rejected as an input of the component


async def _place_of(provider: pulumi.ProviderResource, arn: str, subject: str) -> Place | None:
    """Where the provider leads to; None where a preview does not know that yet.

    None too where it cannot be seen, which is reported.
    """
    shown = await provider_account.named(provider, "kubernetes")
    try:
        urn: str | None = await provider.urn.future()
        found = await invoke.invoke("pulumi:pulumi:getResource", {"urn": urn})
        settings = {key: found["state"].get(key) for key in ("kubeconfig", "context", "cluster")}
        if rpc.contains_unknowns(settings):
            return None
        return kubeconfigs.place(_text(settings["kubeconfig"]), settings["context"], settings["cluster"])
    except invoke.InvokeError:
        _unverified(subject, shown, arn, "the engine does not tell its settings")
    except (MalformedDocumentError, OSError):
        _unverified(subject, shown, arn, "its kubeconfig cannot be read here")
    return None


def _text(kubeconfig: Any) -> str:
    """The document: what the provider was given, or what is in the file that it was given, or that kubectl reads."""
    if isinstance(kubeconfig, Mapping):
        return json.dumps(kubeconfig)
    if not kubeconfig:
        kubeconfig = os.environ.get("KUBECONFIG") or str(_KUBECONFIG_FILE)
    text = str(kubeconfig).strip()
    return text if "\n" in text or text.startswith("{") else Path(text).expanduser().read_text(encoding="utf-8")


def _unverified(subject: str, provider: str, arn: str, why: str) -> None:
    diagnostics.warn(
        f"{subject}: cannot verify that the {provider} is of cluster {arn}: {why}; to be sure, {CLUSTER_PROVIDER}"
    )
