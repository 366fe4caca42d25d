"""Certificates of the lab: one certificate authority per lab, in files that only the user can read."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class CertificateFiles:
    """PEM files of one certificate (its chain included) and its key."""

    certificate: Path
    key: Path


class CertificateAuthority:
    """A certificate authority that issues server and client certificates into `folder`, where its key is too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "ca.crt"
        key_file = folder / "ca.key"
        if self.file.exists() and key_file.exists():
            self._ca = trustme.CA.from_pem(self.file.read_bytes(), key_file.read_bytes())
        else:
            self._ca = trustme.CA(organization_name="EKS lab", organization_unit_name="certificate authority")
            write_secret(key_file, self._ca.private_key_pem.bytes())
            write_secret(self.file, self._ca.cert_pem.bytes())

    @property
    def pem(self) -> str:
        """The certificate in PEM. It is in memory: a cluster that is being deleted has no folder any more."""
        return self._ca.cert_pem.bytes().decode()

    @property
    def thumbprint(self) -> str:
        """The SHA-1 digest of the certificate in hexadecimal digits, as IAM stores it for an OIDC provider."""
        return hashlib.sha1(ssl.PEM_cert_to_DER_cert(self.pem)).hexdigest()  # noqa: S324 - IAM's format

    def issue(
        self, name: str, *hosts: str, common_name: str | None = None, organization: str | None = None
    ) -> CertificateFiles:
        """Issue a certificate for `hosts` (DNS names, wildcards, addresses).

        Kubernetes reads `common_name` as a client's user name and `organization` as its group.
        """
        # Without a host trustme writes an empty critical extension, which Go rejects.
        leaf = self._ca.issue_cert(
            *(hosts or (f"{name}.invalid",)), common_name=common_name or name, organization_name=organization
        )
        files = CertificateFiles(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        write_secret(files.certificate, b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        write_secret(files.key, leaf.private_key_pem.bytes())
        return files


def write_secret(path: Path, content: bytes | str) -> Path:
    """Write a file that only the user can read, at no moment readable by others. Return `path`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    path.chmod(0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
