"""The kubeconfig of a cluster, as in the official component. Pure, except for outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

_EXEC_API: str = "client.authentication.k8s.io/v1beta1"


def kubeconfig(cluster: Mapping[str, Any], role_arn: str | None = None, profile: str | None = None) -> dict[str, Any]:
    """Return a kubeconfig whose user runs `aws eks get-token`, by default with the caller's credentials.

    Args:
        cluster: `name`, `arn`, `endpoint` and `certificateAuthority` of the cluster.
        role_arn: The ARN of a role to assume.
        profile: A profile of the user's AWS configuration.
    """
    region = cluster["arn"].split(":")[3]
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", cluster["name"], "--output", "json"]
    arguments += ["--role", role_arn] if role_arn else []
    arguments += ["--profile", profile] if profile else []
    return {
        "apiVersion": "v1",
        "clusters": [
            {
                "cluster": {
                    "server": cluster["endpoint"],
                    "certificate-authority-data": cluster["certificateAuthority"]["data"],
                },
                "name": "kubernetes",
            },
        ],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [
            {
                "name": "aws",
                "user": {
                    "exec": {
                        "apiVersion": _EXEC_API,
                        "command": "aws",
                        "args": arguments,
                        "env": [{"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{_EXEC_API}"}}'}],
                    },
                },
            },
        ],
    }


def scoped(config: str, role_arn: str | None, profile: str | None) -> str:
    """Return a kubeconfig's JSON with other credentials, for `Cluster.get_kubeconfig`."""
    document: dict[str, Any] = json.loads(config)
    arguments: list[str] = document["users"][0]["user"]["exec"]["args"]
    arguments += ["--role", role_arn] if role_arn else []
    arguments += ["--profile", profile] if profile else []
    return json.dumps(document)


def with_credentials(
    cluster: Mapping[str, pulumi.Output[Any]], options: Any, *, profile: bool
) -> pulumi.Output[dict[str, Any]]:
    """Return the kubeconfig with the component's `providerCredentialOpts`; their profile is used only if `profile`."""

    def build(resolved: Mapping[str, Any]) -> dict[str, Any]:
        credentials = resolved["options"] or {}
        return kubeconfig(
            resolved["cluster"], credentials.get("roleArn"), credentials.get("profileName") if profile else None
        )

    result: pulumi.Output[dict[str, Any]] = pulumi.Output.from_input(
        {"cluster": dict(cluster), "options": options}
    ).apply(
        build,
    )
    return result
