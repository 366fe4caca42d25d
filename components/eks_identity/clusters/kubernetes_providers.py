"""Check that the kubernetes provider in a component's options is of the component's cluster.

If a service account were created in one cluster and its association in another, no pod would get the role. The check
runs once for each provider and cluster of a program, before the component is registered. No message contains any part
of a kubeconfig.
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
from eks_identity.model.kubeconfig import ClusterEndpoint
from eks_identity.redaction import SECRET
from eks_identity.runtime import diagnostics, invoke
from eks_identity.runtime.credentials import find_provider
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, parse_output
from eks_identity.runtime.program_state import per_program

_FIELDS = ("arn", "endpoint", "certificate_authority", "kubeconfig")
_KUBECONFIG_FILE = Path("~/.kube/config")


def record_kubeconfig(provider: pulumi.ProviderResource, kubeconfig: pulumi.Output[str]) -> None:
    """Record that `provider` was declared with `kubeconfig`. The SDK does not return it."""
    _kubeconfigs()[provider] = kubeconfig


def check_provider_of_cluster(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, cluster: ClusterConnection
) -> provider_account.Check | None:
    """Return the check that rejects a kubernetes provider of another cluster.

    None without a provider, and for the provider that was declared with the cluster's kubeconfig.
    """
    provider = find_provider("kubernetes", opts)
    if provider is None or _kubeconfigs().get(provider) is cluster["kubeconfig"]:
        return None
    checked_provider = provider
    fields: dict[str, Any] = {name: cluster[name] for name in _FIELDS}  # type: ignore[literal-required]

    async def require(resolved: dict[str, str]) -> None:
        is_secret = isinstance(cluster["arn"], pulumi.Output) and await cluster["arn"].is_secret()
        arn = SECRET if is_secret else resolved["arn"]
        endpoint = await _provider_endpoint(checked_provider, arn, inputs.subject)
        if endpoint is None:
            return
        matches = [endpoint.is_same(other) for other in _cluster_endpoints(resolved)]
        if True in matches:
            return
        shown = await provider_account.describe_provider(checked_provider, "kubernetes")
        if False in matches:
            rule = f"must have a kubernetes provider of cluster {arn}: this one trusts the certificate authority of "
            rule += "another cluster"
            fix = (
                f"pass the provider of that cluster: {CLUSTER_PROVIDER.removeprefix('pass ')}; where a proxy with an "
                "authority of its own leads to it, set cluster.kubeconfig to the provider's kubeconfig"
            )
            raise InvalidInput([Problem("opts.providers", rule, shown, fix)])
        _warn_unverified(inputs.subject, shown, arn, "it has another server, and no certificate authority")

    key = ("kubernetes", provider, *(value if isinstance(value, str) else id(value) for value in fields.values()))

    def check() -> pulumi.Output[None]:
        # A kubeconfig is usually secret. The error has no part of it, so the error need not be secret.
        return parse_output(pulumi.Output.unsecret(pulumi.Output.all(**fields)), require, inputs.subject)

    return provider_account.start_once(key, [fields, provider], check)


def _kubeconfigs() -> dict[pulumi.ProviderResource, pulumi.Output[str]]:
    return per_program(__name__, dict)


def _cluster_endpoints(cluster: Mapping[str, str]) -> list[ClusterEndpoint]:
    """Return the cluster's endpoint as EKS describes it, and the one in its kubeconfig."""
    endpoint = ClusterEndpoint.of(cluster["endpoint"], cluster["certificate_authority"])
    try:
        return [endpoint, kubeconfigs.cluster_endpoint(cluster["kubeconfig"])]
    except MalformedDocumentError:
        return [endpoint]  # rejected as an input of the component


async def _provider_endpoint(provider: pulumi.ProviderResource, arn: str, subject: str) -> ClusterEndpoint | None:
    """Return the provider's endpoint; None if it is unknown in this preview, or cannot be read, which is reported."""
    shown = await provider_account.describe_provider(provider, "kubernetes")
    try:
        urn: str | None = await provider.urn.future()
        resource = await invoke.invoke("pulumi:pulumi:getResource", {"urn": urn})
        settings = {key: resource["state"].get(key) for key in ("kubeconfig", "context", "cluster")}
        if rpc.contains_unknowns(settings):
            return None
        return kubeconfigs.cluster_endpoint(_text(settings["kubeconfig"]), settings["context"], settings["cluster"])
    except invoke.InvokeError:
        _warn_unverified(subject, shown, arn, "the engine does not return its settings")
    except (MalformedDocumentError, OSError):
        _warn_unverified(subject, shown, arn, "its kubeconfig cannot be read")
    return None


def _text(kubeconfig: Any) -> str:
    """Return the kubeconfig document: of the provider's input, of the file that it names, or of kubectl's file."""
    if isinstance(kubeconfig, Mapping):
        return json.dumps(kubeconfig)
    if not kubeconfig:
        kubeconfig = os.environ.get("KUBECONFIG") or str(_KUBECONFIG_FILE)
    text = str(kubeconfig).strip()
    return text if "\n" in text or text.startswith("{") else Path(text).expanduser().read_text(encoding="utf-8")


def _warn_unverified(subject: str, provider: str, arn: str, reason: str) -> None:
    diagnostics.warn(
        f"{subject}: cannot verify that the {provider} is of cluster {arn}: {reason}; to be sure, {CLUSTER_PROVIDER}"
    )
