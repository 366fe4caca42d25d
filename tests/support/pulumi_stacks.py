"""States of stacks made by hand, as `pulumi stack export` prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.sources.pulumi.values import SECRET, SIGNATURE
from eks_access.sources.state import graph_of_state

PROVIDER = "urn:pulumi:dev::shop::pulumi:providers:aws::default"
IN_CLUSTER = "urn:pulumi:dev::shop::pulumi:providers:kubernetes::main"


def secret(value: Any) -> dict[str, Any]:
    """Return a secret as `pulumi stack export --show-secrets` prints it."""
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{kind}::{name}"


def resource(
    kind: str, name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None, **members: Any
) -> dict[str, Any]:
    """Return a resource of a state; its provider is the only one of its package."""
    provider = IN_CLUSTER if kind.startswith("kubernetes:") else PROVIDER
    state = {"urn": urn(kind, name), "type": kind, "custom": True, "inputs": inputs, "outputs": outputs or {}}
    return {**state, "provider": f"{provider}::0", **members}


def cluster(name: str = "eks-clu", mode: str = "API_AND_CONFIG_MAP") -> dict[str, Any]:
    outputs = {
        "arn": f"arn:aws:eks:ap-northeast-1:123456789012:cluster/{name}",
        "identities": [{"oidcs": [{"issuer": "https://oidc.example.com/id/A"}]}],
        "endpoint": "https://api.example.com",
    }
    inputs = {"name": name, "accessConfig": {"authenticationMode": mode}, "region": "ap-northeast-1"}
    return resource("aws:eks/cluster:Cluster", name, inputs, outputs)


def manifest(kind: str, name: str, namespace: str | None = "default", **fields: Any) -> dict[str, Any]:
    """Return a Kubernetes resource with the API group in `kind`: `apps/v1:Deployment`."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return resource(f"kubernetes:{kind}", name, {"metadata": metadata, **fields})


def export(*resources: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


def graph(*resources: Mapping[str, Any], cluster: str | None = None) -> AccessGraph:
    return graph_of_state(export(*resources), cluster)
