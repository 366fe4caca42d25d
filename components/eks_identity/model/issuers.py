"""OIDC issuers of clusters, and IAM OIDC providers.

Tokens name the issuer with `https://`; condition keys and the provider's ARN name it without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from eks_identity.errors import problems_of_part
from eks_identity.model import names
from eks_identity.model.arns import Arn
from eks_identity.model.partitions import Partition

_ISSUER = re.compile(r"(?:https://)?(?P<rest>[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*(?::[0-9]+)?(?:/[A-Za-z0-9._~-]+)*)")
_PROVIDER = "oidc-provider/"


@dataclass(frozen=True)
class Issuer:
    """OIDC issuer of a cluster, as host and path."""

    host_and_path: str
    """`oidc.eks.<region>.amazonaws.com/id/<ID>`: prefix of the condition keys, and end of the provider's ARN."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the issuer of a URL with or without `https://`; raise `InvalidInput` for other text."""
        match = _ISSUER.fullmatch(names.text(text).removesuffix("/"))
        if match is None:
            raise names.invalid(
                "must be an https URL of host and path (OpenID Connect), such as https://oidc.eks.REGION.amazonaws.com/id/ID",
                text,
                "write what `aws eks describe-cluster --name NAME --query cluster.identity.oidc.issuer` prints",
            )
        return cls(match["rest"])

    @property
    def url(self) -> str:
        """URL of the IAM OIDC provider, and `iss` of the tokens."""
        return f"https://{self.host_and_path}"

    @property
    def sub(self) -> str:
        """Condition key of the token's subject."""
        return f"{self.host_and_path}:sub"

    @property
    def aud(self) -> str:
        """Condition key of the token's audience."""
        return f"{self.host_and_path}:aud"

    def provider_arn(self, partition: Partition, account: str) -> str:
        """Return the ARN of the IAM OIDC provider for this issuer; an account has at most one."""
        return partition.arn("iam", f"{_PROVIDER}{self.host_and_path}", account=account)


@dataclass(frozen=True)
class Provider:
    """An IAM OIDC provider: an issuer that an account trusts."""

    issuer: Issuer
    partition: Partition
    account: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the provider of an ARN; raise `InvalidInput` for other text."""
        arn = Arn.parse(text)
        if arn.service != "iam" or arn.region or not arn.resource.startswith(_PROVIDER):
            raise names.invalid(
                "must be the ARN of an IAM OIDC provider, arn:partition:iam::account:oidc-provider/HOST/PATH",
                text,
                "pass OidcProvider.arn, or an ARN that `aws iam list-open-id-connect-providers` prints",
            )
        with problems_of_part(text, "issuer"):
            issuer = Issuer.parse(arn.resource.removeprefix(_PROVIDER))
        with problems_of_part(text, "account id"):
            account = names.account_id(arn.account)
        return cls(issuer, arn.partition, account)

    @property
    def arn(self) -> str:
        return self.issuer.provider_arn(self.partition, self.account)
