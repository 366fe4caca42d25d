"""Print what a program registers, as JSON: types, logical names, parents, providers and inputs of its resources.

The program runs against mocks, without engine, plugins and account, so the names are those that `pulumi up` would use.
`eks-access adopt` runs this module as a subprocess:

    python -m eks_identity.testing.registrations < request.json

The request has `program`, `project`, `stack`, `config`, `account`, `region`, and `cluster` and `oidc_provider`: the
results of the aws plugin's functions getCluster and getOpenIdConnectProvider. Response: `resources`; or `subject` and
`error` of the component that rejects its inputs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from eks_identity.errors import InvalidInput
from eks_identity.testing.cloud import Cloud, PluginError
from eks_identity.testing.deployment import RegisteredResource
from eks_identity.testing.engine import deploy


def registrations(request: dict[str, Any]) -> dict[str, Any]:
    """Return the response to a request."""
    provider = request["oidc_provider"] or PluginError("no matching IAM OIDC Provider found")
    cloud = Cloud(
        account=request["account"],
        region=request["region"],
        getCluster=request["cluster"],
        getOpenIdConnectProvider=provider,
    )
    try:
        deployment = deploy(
            Path(request["program"]),
            cloud=cloud,
            config=request["config"],
            project=request["project"],
            stack=request["stack"],
        )
    except InvalidInput as error:
        problems = [{"input": each.input, "rule": each.rule, "fix": each.fix} for each in error.problems]
        return {"subject": error.subject, "problems": problems, "error": str(error)}
    return {"resources": [_resource(each) for each in deployment.resources]}


def _resource(resource: RegisteredResource) -> dict[str, Any]:
    request = resource.request
    return {
        "type": resource.type,
        "name": resource.name,
        "urn": resource.urn,
        "parent": request.parent,
        "provider": request.provider.rpartition("::")[0],
        "version": request.version,
        "custom": request.custom,
        "top_level_alias": next((each.spec.name for each in request.aliases if _is_top_level(each)), ""),
        "inputs": resource.inputs,
    }


def _is_top_level(alias: Any) -> bool:
    """Return whether an alias is that of a resource which is imported at the top level of the stack."""
    return bool(alias.spec.name) and (alias.spec.noParent or "::pulumi:pulumi:Stack::" in alias.spec.parentUrn)


if __name__ == "__main__":
    print(json.dumps(registrations(json.load(sys.stdin))))  # noqa: T201 - the response
