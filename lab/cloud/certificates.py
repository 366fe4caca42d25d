"""TLS certificates for AWS's host names, issued at the first connection to each host.

A wildcard certificate covers one label only. AWS's host names have any number of labels
(`oidc.eks.<region>.amazonaws.com`, `my.bucket.s3.<region>.amazonaws.com`), so each host gets its own certificate.
Bucket names make the number of hosts unlimited. Only the certificates of the hosts used last are stored.
"""

from __future__ import annotations

import ssl
import threading
from collections import OrderedDict

from lab.cloud.hosts import parse_host
from lab.pki import CertificateAuthority

MAX_CERTIFICATES = 256


def is_aws_host(host: str) -> bool:
    """Return whether `host` (lower case) is a host name of a service that the lab knows, in a region of AWS."""
    return parse_host(host) is not None


class HostCertificates:
    """Server-side TLS contexts of AWS hosts, with certificates of the lab's certificate authority."""

    def __init__(self, authority: CertificateAuthority, *, limit: int = MAX_CERTIFICATES) -> None:
        self._authority = authority
        self._limit = limit
        self._lock = threading.Lock()
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    def context(self, host: str) -> ssl.SSLContext:
        """Return the server-side TLS context for `host`, for which `is_aws_host` must be true."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._create_context(host)
            self._contexts.move_to_end(host)
            while len(self._contexts) > self._limit:
                self._contexts.popitem(last=False)
            return self._contexts[host]

    def _create_context(self, host: str) -> ssl.SSLContext:
        """Create a context with a new certificate. Its files are removed, because the context has read them.

        The authority's own certificate is the last of the chain, as AWS sends it: eksctl takes the thumbprint of an
        OIDC provider from there.
        """
        files = self._authority.issue(f"aws-{host}"[:200], host, common_name="AWS in the lab")
        try:
            with files.certificate.open("a") as chain:
                chain.write(self._authority.pem)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(files.certificate, files.key)
        finally:
            files.certificate.unlink()
            files.key.unlink()
        return context
