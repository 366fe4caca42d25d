"""The EC2 instance of a node: values that its Node object, its IMDS and its pods share."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address

from lab.interfaces import ClusterKey, NodeGroup

HOST_IP = "127.0.0.1"
INSTANCE_TYPE = "t3.medium"


@dataclass(frozen=True)
class Instance:
    """One instance of a node group.

    All values except the launch time are derived from the cluster and the node's name.
    """

    name: str
    group: NodeGroup
    key: ClusterKey
    launched: datetime

    @classmethod
    def launch(cls, name: str, group: NodeGroup, key: ClusterKey) -> Instance:
        return cls(name, group, key, datetime.now(UTC).replace(microsecond=0))

    @property
    def _digest(self) -> bytes:
        return hashlib.sha256(f"{self.key.arn}/{self.name}".encode()).digest()

    @property
    def instance_id(self) -> str:
        """The instance id in EC2's format: `i-` and 17 hexadecimal digits."""
        return f"i-{self._digest.hex()[:17]}"

    @property
    def zone(self) -> str:
        return self.key.region + "abc"[self._digest[0] % 3]

    @property
    def architecture(self) -> str:
        """The architecture by its name in Kubernetes: `amd64`, `arm64`."""
        machine = platform.machine().lower()
        return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)

    @property
    def provider_id(self) -> str:
        return f"aws:///{self.zone}/{self.instance_id}"

    @property
    def role_name(self) -> str:
        return self.group.node_role_arn.rsplit("/", 1)[-1]

    def pod_ip(self, number: int) -> str:
        """Return a loopback address for the node's `number`th pod.

        Linux can reach it, but the pod does not own it alone.
        """
        network = int(IPv4Address("127.0.0.0")) + ((1 + self._digest[1] % 254) << 16)
        return str(IPv4Address(network + 1 + number % 65000))
