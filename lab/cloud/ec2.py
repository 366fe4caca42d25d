"""EC2 operations that differ from moto's: DescribeInstances has the instances of nodes too.

Source: EC2 API reference, DescribeInstances (filters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response

from lab.cloud.eks import node_instances

_FIELDS = {
    "instance-id": ("InstanceId",),
    "instance-type": ("InstanceType",),
    "instance-state-name": ("State", "Name"),
    "private-dns-name": ("PrivateDnsName",),
    "availability-zone": ("Placement", "AvailabilityZone"),
    "iam-instance-profile.arn": ("IamInstanceProfile", "Arn"),
}
"""Filters that match instances of nodes. With another filter, none of them matches."""


class LabEc2Response(EC2Response):
    """The operations of EC2."""

    def describe_instances(self) -> ActionResult:
        filters, ids = self._filters_from_querystring(), self._get_param("InstanceIds", [])
        nodes = {each["InstanceId"]: each for each in node_instances.list_instances(self.current_account, self.region)}
        found = [node for id_, node in nodes.items() if (not ids or id_ in ids) and _matches(node, filters)]
        own = [
            {"ReservationId": f"r-{node['InstanceId'][2:]}", "OwnerId": self.current_account, "Instances": [node]}
            for node in found
            if not self._get_param("NextToken")
        ]
        others = [id_ for id_ in ids if id_ not in nodes]
        if ids and not others:
            return ActionResult({"Reservations": own})
        self.params["InstanceIds"] = others
        result: Any = super().describe_instances().result
        return ActionResult({**result, "Reservations": [*own, *result["Reservations"]]})


def _matches(instance: Mapping[str, Any], filters: Mapping[str, Sequence[str]]) -> bool:
    return all(_matches_one(instance, name, values) for name, values in filters.items())


def _matches_one(instance: Mapping[str, Any], name: str, patterns: Sequence[str]) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    kind, _, key = name.partition(":")
    if kind == "tag":
        values = [tags[key]] if key in tags else []
    elif name == "tag-key":
        values = list(tags)
    else:
        values = [_read(instance, _FIELDS[name])] if name in _FIELDS else []
    return any(fnmatchcase(value, pattern) for value in values for pattern in patterns)


def _read(instance: Mapping[str, Any], path: Sequence[str]) -> str:
    value: Any = instance
    for member in path:
        value = value[member]
    return str(value)
