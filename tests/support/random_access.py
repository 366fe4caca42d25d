"""Random access entries and aws-auth documents for a fixed set of IAM principals."""

from __future__ import annotations

import json
from random import Random

from lab import interfaces
from support.aws_auth_documents import Documents
from support.lone_authenticator import ACCOUNT, Principal

GUEST_ACCOUNT = "444455556666"
_SSO = "role/aws-reserved/sso.amazonaws.com/ap-northeast-1/AWSReservedSSO_Ops_0123456789abcdef"
USERS = (
    Principal(f"arn:aws:iam::{ACCOUNT}:user/alice"),
    Principal(f"arn:aws:iam::{ACCOUNT}:user/team/x/Bob"),
    Principal(f"arn:aws:iam::{GUEST_ACCOUNT}:user/guest"),
    Principal(f"arn:aws-cn:iam::{ACCOUNT}:user/chen"),
    Principal(f"arn:aws:iam::{ACCOUNT}:root"),
)
ROLES = (
    Principal(f"arn:aws:iam::{ACCOUNT}:role/ops", "session"),
    Principal(f"arn:aws:iam::{ACCOUNT}:role/ops", "i-0123456789abcdef0"),
    Principal(f"arn:aws:iam::{ACCOUNT}:role/team/x/Deploy-er", "me@example.com"),
    Principal(f"arn:aws:iam::{ACCOUNT}:{_SSO}", "a.b+c=d,e_f@example.com@"),
    Principal(f"arn:aws:iam::{GUEST_ACCOUNT}:role/path/guest", "aws-go-sdk-1"),
    Principal(f"arn:aws-us-gov:iam::{ACCOUNT}:role/gov", "system=masters"),
)
TEXTS = (
    *(
        "a",
        "a:{{SessionName}}",
        "{{AccountID}}:{{SessionNameRaw}}",
        "x:{{SessionName}}{{SessionName}}",
        "{{sessionname}}",
    ),
    *("{{AccountID}}", "{{ SessionName }}", "team b", "{{SessionName", "é"),
)


def without_path(arn: str) -> str:
    head, role, name = arn.partition(":role/")
    return f"{head}{role}{name.rpartition('/')[2]}"


class RandomAccess:
    """Entries and documents, each by the seed of `random`."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def entries(self) -> list[interfaces.AccessEntry]:
        """Return entries of some principals: of their ARN, and of the unique id of the existing or a former one."""
        arns = {principal.arn: principal for principal in (*USERS, *ROLES)}
        chosen = self._random.sample(list(arns.values()), self._random.randint(0, 5))
        return [
            interfaces.AccessEntry(
                interfaces.IamPrincipal(each.arn, each.unique_id if self._random.random() < 0.8 else "FORMER"),
                self._random.choice(TEXTS),
                tuple(self._random.sample(TEXTS, self._random.randint(0, 2))),
            )
            for each in chosen
        ]

    def aws_auth(self) -> dict[str, str]:
        """Return a document with mapRoles or mapUsers, and perhaps mapAccounts."""
        key, field, principals = self._random.choice((("mapRoles", "rolearn", ROLES), ("mapUsers", "userarn", USERS)))
        arns = [arn for each in principals for arn in (without_path(each.arn), without_path(each.arn), each.arn)]
        if self._random.random() < 0.3:
            text = Documents(self._random, field, arns).text()
        else:
            chosen = self._random.choices(arns, k=self._random.randint(1, 5))
            text = json.dumps([self._mapping(field, arn) for arn in chosen])
        accounts = self._random.sample((ACCOUNT, GUEST_ACCOUNT), 1) if self._random.random() < 0.3 else []
        return {key: text, **({"mapAccounts": json.dumps(accounts)} if accounts else {})}

    def _mapping(self, field: str, arn: str) -> dict[str, object]:
        groups = self._random.choices(TEXTS, k=self._random.randint(0, 2))
        written = self._random.choice((arn, arn, arn, arn.upper(), arn.title()))
        return {field: written, "username": self._random.choice(TEXTS), "groups": groups}
