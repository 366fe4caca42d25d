"""Certificates for AWS's host names, issued when first asked for.

A wildcard covers one label only, and AWS's names are of any depth (`oidc.eks.<region>.amazonaws.com`,
`my.bucket.s3.<region>.amazonaws.com`), so each host gets its own.
"""

from __future__ import annotations

import re
import ssl
import threading

from lab.pki import CertificateAuthority

_HOST = re.compile(r"^(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)+(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$")
_LONGEST_HOST = 253


def is_aws(host: str) -> bool:
    """Whether `host` (lower case) is a name of AWS's API, which the lab stands in for."""
    return len(host) <= _LONGEST_HOST and _HOST.match(host) is not None


class HostCertificates:
    """TLS for hosts of AWS, signed by the lab's authority."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._authority = authority
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        """The server side of TLS for `host`, which `is_aws`."""
        with self._lock:
            if host not in self._contexts:
                files = self._authority.issue(f"aws-{host}"[:200], host, common_name="AWS in the lab")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(files.certificate, files.key)
                self._contexts[host] = context
            return self._contexts[host]
