"""Answers for engine and plugins, for a program that runs without either.

Knows what AWS, EKS and Kubernetes would say of the resources that identity is made of: ARNs of the right partition and
account, a cluster's issuer, names that Pulumi makes up. Everything else comes back as it was declared.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import pulumi
from pulumi.runtime import mocks

from eks_identity.model.identity_center import PATH_PREFIX
from eks_identity.model.partitions import partition_of_region
from eks_identity.testing import scopes, wire


class PluginError(grpc.RpcError):
    """What a plugin says when a function of its fails, as the engine hands it on."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


class Cloud(mocks.Mocks):
    """An account in a region, with every cluster that a program asks for."""

    def __init__(
        self,
        *,
        account: str = "111122223333",
        region: str = "ap-northeast-1",
        authentication_modes: Mapping[str, str] | None = None,
        policies: Mapping[str, Mapping[str, Any] | str] | None = None,
        permission_sets: Sequence[str] = (),
        **invokes: Any,
    ) -> None:
        """What there is before the program runs.

        Args:
            account: The account's number, twelve digits.
            region: The region; it decides the partition.
            authentication_modes: By the cluster's name; `API_AND_CONFIG_MAP` where left out.
            policies: Documents of managed policies that are not declared here, by ARN or by name, so that
                `Deployment.pod_lets` can look into them.
            permission_sets: Names of Identity Center's permission sets that are assigned to the account.
            invokes: What a function of a plugin answers, by its name: `getOpenIdConnectProvider={...}`, an Exception
                that is raised, or a function of the call's arguments.
        """
        self.account = account
        self.region = region
        self.partition = partition_of_region(region)
        self.authentication_modes = dict(authentication_modes or {})
        self.policies = dict(policies or {})
        self.calls: list[mocks.MockCallArgs] = []
        self.made: dict[str, str] = {}
        """The URN of what the eks plugin made below each of its clusters."""
        self.clusters_made: set[str] = set()
        self._invokes: dict[str, Any] = {
            "getCluster": lambda args: self.cluster(args["name"]),
            "getCallerIdentity": {"accountId": account, "arn": self.arn("iam", "root"), "id": account},
            "getPartition": {"partition": self.partition.name, "dnsSuffix": self.partition.dns_suffix, "id": "p"},
            "getRegion": {"name": region, "region": region, "id": region},
            "getOpenIdConnectProvider": PluginError("no matching IAM OIDC Provider found"),
            "getRoles": {"id": region, "arns": [self._reserved(name) for name in permission_sets], "names": []},
            **invokes,
        }

    def _reserved(self, permission_set: str) -> str:
        """The role of a permission set; its last digits are made of the name."""
        digits = hashlib.md5(permission_set.encode(), usedforsecurity=False).hexdigest()[:16]
        return self.arn("iam", f"role{PATH_PREFIX}{self.region}/AWSReservedSSO_{permission_set}_{digits}")

    def arn(self, service: str, resource: str, *, regional: bool = False) -> str:
        """An ARN of this account."""
        return self.partition.arn(service, resource, account=self.account, region=self.region if regional else "")

    def cluster(self, name: str) -> dict[str, Any]:
        """What the aws plugin's getCluster says of a cluster; its issuer is made of its name."""
        unique = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest().upper()
        host = f"{self.region}.{self.partition.dns_suffix}"
        return {
            "id": name,
            "name": name,
            "arn": self.arn("eks", f"cluster/{name}", regional=True),
            "endpoint": f"https://{unique}.gr7.{self.region}.eks.{self.partition.dns_suffix}",
            "certificateAuthorities": [{"data": base64.b64encode(f"authority of {name}".encode()).decode()}],
            "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{host}/id/{unique}"}]}],
            "accessConfigs": [{"authenticationMode": self.authentication_mode(name)}],
            "region": self.region,
        }

    def authentication_mode(self, name: str) -> str:
        return self.authentication_modes.get(name, "API_AND_CONFIG_MAP")

    def new_cluster(self, name: str, mode: str | None = None) -> dict[str, Any]:
        """The state of a cluster that the program itself makes."""
        self.clusters_made.add(name)
        if mode is not None:
            self.authentication_modes[name] = mode
        found = self.cluster(name)
        config = found["accessConfigs"][0]
        return {**found, "accessConfig": config, "certificateAuthority": found["certificateAuthorities"][0]}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """What the plugin would say once the resource is made; in a preview it says no more than was declared."""
        state = dict(args.inputs)
        if pulumi.runtime.is_dry_run():
            return "", state
        package = args.typ.partition(":")[0]
        kind = args.typ if package != "pulumi-python" else args.typ.rpartition(":")[2]
        if kind in _STATES:
            state |= _given(_STATES[kind](self, args.name, state) | _given(state))
        elif package == "aws":
            state |= self._any(args.typ, args.name, state) | _given(state)
        elif package == "kubernetes":
            metadata = {"name": f"{args.name}-1a2b3c4", "namespace": "default", **_given(state.get("metadata", {}))}
            state = {**state, "metadata": metadata}
        return str(state.pop("id", None) or state.get("name") or f"{args.name}-id"), state

    def call(self, args: mocks.MockCallArgs) -> Any:
        """What a function of a plugin answers."""
        self.calls.append(args)
        return self.answer(args.token.rpartition(":")[2], args.args)

    def answer(self, function: str, args: Mapping[str, Any]) -> Any:
        """What `function` of a plugin answers to `args`."""
        if function not in self._invokes:
            raise PluginError(f"{function} has no answer here; fix: pass Cloud({function}={{…}})")
        answer = self._invokes[function]
        if isinstance(answer, Exception):
            raise answer
        return answer(args) if callable(answer) else answer

    def _any(self, token: str, name: str, state: dict[str, Any]) -> dict[str, Any]:
        """An ARN and a name for what is not told apart here: enough to refer to."""
        service, kind = re.fullmatch(r"aws:([^/]+)/([^:]+):\w+", token).groups()  # type: ignore[union-attr]
        own = str(state.get("name") or f"{name}-1a2b3c4")
        known = scopes.arn(token, name, state, partition=self.partition, region=self.region, account=self.account)
        return {"name": own, "arn": known or self.arn(service, f"{kind}/{own}", regional=True)}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _iam(kind: str) -> Callable[[Cloud, str, dict[str, Any]], dict[str, Any]]:
    def made(cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
        own = state.get("name") or f"{state.get('namePrefix') or f'{name}-'}1a2b3c4"
        return {"name": own, "arn": cloud.arn("iam", f"{kind}{state.get('path') or '/'}{own}")}

    return made


def _provider(cloud: Cloud, _name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"arn": cloud.arn("iam", f"oidc-provider/{state['url'].removeprefix('https://')}")}


def _bucket(cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
    own = state.get("bucket") or f"{name}-1a2b3c4"
    return {"bucket": own, "arn": cloud.partition.arn("s3", own)}


def _cluster(cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
    config = state.get("accessConfig") or {}
    return cloud.new_cluster(state.get("name") or f"{name}-1a2b3c4", config.get("authenticationMode"))


def _eks_cluster(cloud: Cloud, name: str, _state: dict[str, Any]) -> dict[str, Any]:
    urn = cloud.made[name]
    return {"eksCluster": wire.reference(urn, urn.rpartition("::")[2]), "kubeconfig": {}}


def _entry(cloud: Cloud, _name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "accessEntryArn": cloud.arn("eks", f"access-entry/{state['clusterName']}/1a2b3c4", regional=True),
        "userName": state["principalArn"],
        "kubernetesGroups": [],
        "type": "STANDARD",
    }


def _launch_template(_cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
    own = f"{state.get('namePrefix') or f'{name}-'}1a2b3c4"
    digest = hashlib.md5(own.encode(), usedforsecurity=False).hexdigest()[:17]
    return {"id": f"lt-{digest}", "name": own, "latestVersion": 1, "defaultVersion": 1}


def _migration(_cloud: Cloud, _name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"plan": [], "not_migrated": [], "authentication_mode": state["target_mode"]}


_STATES: Mapping[str, Callable[[Cloud, str, dict[str, Any]], dict[str, Any]]] = {
    "aws:iam/role:Role": _iam("role"),
    "aws:iam/user:User": _iam("user"),
    "aws:iam/policy:Policy": _iam("policy"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _provider,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketV2:BucketV2": _bucket,
    "aws:eks/cluster:Cluster": _cluster,
    "eks:index:Cluster": _eks_cluster,
    "aws:eks/accessEntry:AccessEntry": _entry,
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "AuthenticationModeMigration": _migration,
}
"""What a resource gets when it is made, besides what was declared of it."""
