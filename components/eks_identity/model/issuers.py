"""OIDC issuers: the one string that is written with `https://` in one place and without it in another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from eks_identity.errors import InvalidInput, Problem, part_of
from eks_identity.model import names
from eks_identity.model.arns import Arn
from eks_identity.model.partitions import Partition

_ISSUER = re.compile(r"(?:https://)?(?P<rest>[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*(?::[0-9]+)?(?:/[A-Za-z0-9._~-]+)*)")
_PROVIDER = "oidc-provider/"


@dataclass(frozen=True)
class Issuer:
    """A cluster's OIDC issuer, held as host and path."""

    host_and_path: str
    """`oidc.eks.<region>.amazonaws.com/id/<ID>`: the prefix of condition keys, and the end of the provider's ARN."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Takes the issuer with or without `https://`."""
        match = _ISSUER.fullmatch(names.text(text).removesuffix("/"))
        if match is None:
            raise InvalidInput(
                [
                    Problem(
                        "",
                        "host and path of an https URL (OpenID Connect); EKS writes https://oidc.eks.REGION.amazonaws.com/id/ID",
                        text,
                        "take it from `aws eks describe-cluster --name NAME --query cluster.identity.oidc.issuer`",
                    )
                ]
            )
        return cls(match["rest"])

    @property
    def url(self) -> str:
        """What the provider is registered with, and what the `iss` of tokens says."""
        return f"https://{self.host_and_path}"

    @property
    def sub(self) -> str:
        """The condition key of the token's subject."""
        return f"{self.host_and_path}:sub"

    @property
    def aud(self) -> str:
        """The condition key of the token's audience."""
        return f"{self.host_and_path}:aud"

    def provider_arn(self, partition: Partition, account: str) -> str:
        """The ARN of the IAM OIDC provider for this issuer: there is at most one in an account."""
        return partition.arn("iam", f"{_PROVIDER}{self.host_and_path}", account=account)


@dataclass(frozen=True)
class Provider:
    """An IAM OIDC provider: an issuer that an account trusts. Its ARN says both."""

    issuer: Issuer
    partition: Partition
    account: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Takes the provider's ARN."""
        arn = Arn.parse(text)
        if arn.service != "iam" or arn.region or not arn.resource.startswith(_PROVIDER):
            raise InvalidInput(
                [
                    Problem(
                        "",
                        "an OIDC provider's ARN is arn:partition:iam::account:oidc-provider/HOST/PATH (IAM)",
                        text,
                        "give OidcProvider.arn, or a line of `aws iam list-open-id-connect-providers`",
                    )
                ]
            )
        with part_of(text, "issuer"):
            issuer = Issuer.parse(arn.resource.removeprefix(_PROVIDER))
        with part_of(text, "account id"):
            account = names.account_id(arn.account)
        return cls(issuer, arn.partition, account)

    @property
    def arn(self) -> str:
        return self.issuer.provider_arn(self.partition, self.account)
