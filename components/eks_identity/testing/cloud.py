"""Mocks of the engine and the plugins.

They return the outputs of the resources that identity consists of: ARNs of the partition and account, a cluster's
issuer, names that Pulumi generates. Other outputs are the declared inputs.
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
    """The error of a provider function, as the engine passes it on."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


class Cloud(mocks.Mocks):
    """An AWS account in a region. Every cluster that the program looks up exists."""

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
        """Create the account before the program runs.

        Args:
            account: The account id, twelve digits.
            region: The region, which determines the partition.
            authentication_modes: Modes by the cluster's name. The default is `API_AND_CONFIG_MAP`.
            policies: Documents of managed policies that the program does not declare, by ARN or by name.
                `Deployment.pod_can` evaluates them.
            permission_sets: Names of permission sets of Identity Center that are assigned to the account.
            invokes: Results of provider functions by their names: `getOpenIdConnectProvider={...}`, an exception to
                raise, or a function of the call's arguments.
        """
        self.account = account
        self.region = region
        self.partition = partition_of_region(region)
        self.authentication_modes = dict(authentication_modes or {})
        self.policies = dict(policies or {})
        self.calls: list[mocks.MockCallArgs] = []
        self.eks_cluster_urns: dict[str, str] = {}
        """URNs of the `aws.eks.Cluster`s that the eks plugin creates, by the name of its component."""
        self.new_clusters: set[str] = set()
        """Names of the clusters that the program creates."""
        self._invokes: dict[str, Any] = {
            "getCluster": lambda args: self.cluster(args["name"]),
            "getCallerIdentity": {"accountId": account, "arn": self.arn("iam", "root"), "id": account},
            "getPartition": {"partition": self.partition.name, "dnsSuffix": self.partition.dns_suffix, "id": "p"},
            "getRegion": {"name": region, "region": region, "id": region},
            "getOpenIdConnectProvider": PluginError("no matching IAM OIDC Provider found"),
            "getRoles": {
                "id": region,
                "arns": [self._permission_set_role(name) for name in permission_sets],
                "names": [],
            },
            **invokes,
        }

    def _permission_set_role(self, permission_set: str) -> str:
        """Return the ARN of a permission set's role. Its last digits are a hash of the name."""
        digits = hashlib.md5(permission_set.encode(), usedforsecurity=False).hexdigest()[:16]
        return self.arn("iam", f"role{PATH_PREFIX}{self.region}/AWSReservedSSO_{permission_set}_{digits}")

    def arn(self, service: str, resource: str, *, regional: bool = False) -> str:
        """Return an ARN of this account."""
        return self.partition.arn(service, resource, account=self.account, region=self.region if regional else "")

    def cluster(self, name: str) -> dict[str, Any]:
        """Return the result of the aws plugin's getCluster. The issuer has a hash of the cluster's name."""
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
        """Return the state of a cluster that the program creates."""
        self.new_clusters.add(name)
        if mode is not None:
            self.authentication_modes[name] = mode
        cluster = self.cluster(name)
        config = cluster["accessConfigs"][0]
        return {**cluster, "accessConfig": config, "certificateAuthority": cluster["certificateAuthorities"][0]}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return id and state of a new resource. In a preview the state has only the inputs."""
        state = dict(args.inputs)
        if pulumi.runtime.is_dry_run():
            return "", state
        package = args.typ.partition(":")[0]
        kind = args.typ if package != "pulumi-python" else args.typ.rpartition(":")[2]
        if kind in _STATES:
            state |= _without_none(_STATES[kind](self, args.name, state) | _without_none(state))
        elif package == "aws":
            state |= self._other(args.typ, args.name, state) | _without_none(state)
        elif package == "kubernetes":
            metadata = {
                "name": f"{args.name}-1a2b3c4",
                "namespace": "default",
                **_without_none(state.get("metadata", {})),
            }
            state = {**state, "metadata": metadata}
        return str(state.pop("id", None) or state.get("name") or f"{args.name}-id"), state

    def call(self, args: mocks.MockCallArgs) -> Any:
        """Return the result of a provider function, and record the call."""
        self.calls.append(args)
        return self.invoke(args.token.rpartition(":")[2], args.args)

    def invoke(self, function: str, args: Mapping[str, Any]) -> Any:
        """Return the result of the provider function `function`, or raise its error."""
        if function not in self._invokes:
            raise PluginError(f"{function} has no mocked result; fix: pass Cloud({function}={{…}})")
        result = self._invokes[function]
        if isinstance(result, Exception):
            raise result
        return result(args) if callable(result) else result

    def _other(self, token: str, name: str, state: dict[str, Any]) -> dict[str, Any]:
        """Return name and ARN of a resource of any other type of the aws plugin."""
        service, kind = re.fullmatch(r"aws:([^/]+)/([^:]+):\w+", token).groups()  # type: ignore[union-attr]
        physical_name = str(state.get("name") or f"{name}-1a2b3c4")
        scoped = scopes.arn(token, name, state, partition=self.partition, region=self.region, account=self.account)
        return {"name": physical_name, "arn": scoped or self.arn(service, f"{kind}/{physical_name}", regional=True)}


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _iam(kind: str) -> Callable[[Cloud, str, dict[str, Any]], dict[str, Any]]:
    def state_of(cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
        physical_name = state.get("name") or f"{state.get('namePrefix') or f'{name}-'}1a2b3c4"
        return {"name": physical_name, "arn": cloud.arn("iam", f"{kind}{state.get('path') or '/'}{physical_name}")}

    return state_of


def _provider(cloud: Cloud, _name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"arn": cloud.arn("iam", f"oidc-provider/{state['url'].removeprefix('https://')}")}


def _bucket(cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
    bucket = state.get("bucket") or f"{name}-1a2b3c4"
    return {"bucket": bucket, "arn": cloud.partition.arn("s3", bucket)}


def _cluster(cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
    config = state.get("accessConfig") or {}
    return cloud.new_cluster(state.get("name") or f"{name}-1a2b3c4", config.get("authenticationMode"))


def _eks_cluster(cloud: Cloud, name: str, _state: dict[str, Any]) -> dict[str, Any]:
    urn = cloud.eks_cluster_urns[name]
    return {"eksCluster": wire.resource_reference(urn, urn.rpartition("::")[2]), "kubeconfig": {}}


def _entry(cloud: Cloud, _name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "accessEntryArn": cloud.arn("eks", f"access-entry/{state['clusterName']}/1a2b3c4", regional=True),
        "userName": state["principalArn"],
        "kubernetesGroups": [],
        "type": "STANDARD",
    }


def _launch_template(_cloud: Cloud, name: str, state: dict[str, Any]) -> dict[str, Any]:
    physical_name = f"{state.get('namePrefix') or f'{name}-'}1a2b3c4"
    digest = hashlib.md5(physical_name.encode(), usedforsecurity=False).hexdigest()[:17]
    return {"id": f"lt-{digest}", "name": physical_name, "latestVersion": 1, "defaultVersion": 1}


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
"""Outputs of a new resource besides its inputs, by type."""
