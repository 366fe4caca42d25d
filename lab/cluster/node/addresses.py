"""Link-local addresses that pods name, and the loopback ports that answer in their stead.

No user can own 169.254.170.23 (the Pod Identity agent) or 169.254.169.254 (IMDS) on a machine without root, so a
pod's spec keeps AWS's address and the process gets the node's: SDKs accept loopback for both.
"""

from __future__ import annotations

from dataclasses import dataclass

AGENT_HOSTS = ("http://169.254.170.23", "http://[fd00:ec2::23]")
IMDS_HOSTS = ("http://169.254.169.254", "http://[fd00:ec2::254]")


@dataclass(frozen=True)
class Endpoints:
    """What one pod can reach on its node, as URLs without a path."""

    imds: str
    agent: str

    def rewrite(self, text: str) -> str:
        """`text` with loopback endpoints in the place of link-local ones."""
        for host in AGENT_HOSTS:
            text = text.replace(host, self.agent)
        for host in IMDS_HOSTS:
            text = text.replace(host, self.imds)
        return text
