"""TLS certificates for AWS's host names, issued at the first connection to each host.

A wildcard certificate covers one label only. AWS's host names have any number of labels
(`oidc.eks.<region>.amazonaws.com`, `my.bucket.s3.<region>.amazonaws.com`), so each host gets its own certificate.
"""

from __future__ import annotations

import re
import ssl
import threading

from lab.pki import CertificateAuthority

_HOST = re.compile(r"^(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)+(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$")
_MAX_HOST_LENGTH = 253


def is_aws_host(host: str) -> bool:
    """Return whether `host` (lower case) is a host name of AWS's API."""
    return len(host) <= _MAX_HOST_LENGTH and _HOST.match(host) is not None


class HostCertificates:
    """Server-side TLS contexts of AWS hosts, with certificates of the lab's certificate authority."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._authority = authority
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        """Return the server-side TLS context for `host`, for which `is_aws_host` must be true."""
        with self._lock:
            if host not in self._contexts:
                files = self._authority.issue(f"aws-{host}"[:200], host, common_name="AWS in the lab")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(files.certificate, files.key)
                self._contexts[host] = context
            return self._contexts[host]
