"""Random requests with all policies that apply to them, as plain data that every IAM evaluator can read.

One case in ten is unusual: it may have what iam-simulate is known to evaluate in another way than AWS documents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
SERVICE = "sns.amazonaws.com"
Document = dict[str, Any]


@dataclass(frozen=True)
class IamCase:
    """A request, and the policies that apply to it."""

    principal: str
    action: str
    resource: str
    resource_account: str
    context: dict[str, str | list[str]]
    identity: list[Document]
    resource_policy: Document | None
    boundary: Document | None
    session_policy: Document | None
    service_control: list[list[Document]] = field(default_factory=list)

    @property
    def documents(self) -> list[Document]:
        single = (self.resource_policy, self.boundary, self.session_policy)
        levels = (document for level in self.service_control for document in level)
        return [*self.identity, *(document for document in single if document is not None), *levels]

    @property
    def is_resource_policy_required(self) -> bool:
        """Whether the resource has a policy that must allow: roles and KMS keys do."""
        return self.action.startswith(("sts:AssumeRole", "kms:"))


BUCKET, QUEUE = "arn:aws:s3:::reports", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db/main-AbCdEf"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TARGET = f"arn:aws:iam::{ACCOUNT}:role/target"
REQUESTS = (
    ("s3:GetObject", f"{BUCKET}/2026/a.csv", True),
    ("s3:PutObject", f"{BUCKET}/home/alice/a", True),
    ("s3:ListBucket", BUCKET, True),
    ("sqs:SendMessage", QUEUE, True),
    ("secretsmanager:GetSecretValue", SECRET, True),
    ("kms:Decrypt", KEY, True),
    ("sts:AssumeRole", TARGET, True),
    ("iam:GetRole", TARGET, False),
    ("eks:DescribeCluster", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod", False),
    ("s3:ListAllMyBuckets", "*", False),
)
"""Actions, their resource, and whether it has a policy."""
TEXTS = (
    *("alice", "Alice", "team-a", "ali*", "*", "?lice", "eu-west-1", "o-1/r-2/ou-3/", "a/b/c", "a*c", "${*}"),
    *("${aws:username}", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/team, 'team-a'}", "${aws:username, 'alice'}"),
)
ARNS = (USER, ROLE, SESSION, BUCKET, QUEUE, f"arn:aws:sqs:*:{ACCOUNT}:*", "arn:aws:iam::*:role/*", "arn:*:*:*:*:*")
KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws:username": (("alice", "Alice", "bob"), TEXTS),
    "aws:PrincipalTag/team": (("team-a", "alice", "a/b/c", "${aws:username}", "*"), TEXTS),
    "aws:RequestedRegion": (("eu-west-1", "us-east-1"), TEXTS),
    "aws:PrincipalArn": (ARNS[:3], ARNS),
    "aws:SourceArn": ((QUEUE, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:a:b", BUCKET), ARNS),
    "aws:SecureTransport": (("true", "false"), ("true", "false", "True", "FALSE", "yes")),
    "aws:MultiFactorAuthAge": (("0", "300", "3600", "1.5"), ("0", "300", "300.0", "-1", "x")),
    "aws:CurrentTime": (
        ("2026-11-30T12:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-11-30T12:00:00Z", "2026-11-30T13:00:00+01:00", "2026-11-30", "2027-01-01T00:00:00Z"),
    ),
    "aws:SourceIp": (
        ("203.0.113.7", "10.1.2.3"),
        ("203.0.113.0/24", "203.0.113.7", "10.0.0.0/8", "0.0.0.0/1"),
    ),
    "aws:VpcSourceIp": (("2001:db8::1", "2001:db9::1"), ("2001:db8::/32", "2001:db9::1", "2001:d00::/24")),
    "aws:PrincipalTag/data": (("aGVsbG8=", "YWJj"), ("aGVsbG8=", "YWJj", "eHl6")),
}
"""Keys with one value: values of requests, and of policies."""
UNUSUAL: dict[str, tuple[str, ...]] = {
    "aws:CurrentTime": ("1796040000", "1767225600"),
    "aws:SourceIp": ("2001:db8::1", "0.0.0.0/0"),
}
"""Further values of unusual cases."""
LIST_KEYS = {"aws:TagKeys": ("alice", "team-a", "eu-west-1", "a/b/c"), "aws:PrincipalOrgPaths": ("o-1/r-2/ou-3/", "x")}
_RELATIONS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_STRING_TESTS = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
STRINGS = tuple(f"String{test}" for test in _STRING_TESTS)
OPERATORS = {
    "aws:PrincipalArn": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringLike"),
    "aws:SourceArn": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringLike"),
    "aws:SecureTransport": ("Bool",),
    "aws:MultiFactorAuthAge": tuple(f"Numeric{relation}" for relation in _RELATIONS),
    "aws:CurrentTime": tuple(f"Date{relation}" for relation in _RELATIONS),
    "aws:SourceIp": ("IpAddress", "NotIpAddress"),
    "aws:VpcSourceIp": ("IpAddress", "NotIpAddress"),
    "aws:PrincipalTag/data": ("BinaryEquals", "StringEquals"),
}
"""Operators by key; other keys have those of strings."""


class IamCases:
    """A generator of cases, which its random numbers determine."""

    def __init__(self, random: Random, *, with_service_control: bool = True) -> None:
        self._random = random
        self._with_service_control = with_service_control
        self._is_unusual = False
        self._principal_kind = "AWS"

    def case(self) -> IamCase:
        """Return the next case."""
        self._is_unusual = self._chance(0.1)
        action, resource, has_policy = self._random.choice(REQUESTS)
        principal = self._random.choice((USER, SESSION, SESSION, SERVICE) if has_policy else (USER, SESSION))
        self._principal_kind = "Service" if principal == SERVICE else "AWS"
        account = OTHER_ACCOUNT if has_policy and self._chance(0.25) else ACCOUNT
        resource = resource.replace(ACCOUNT, account)
        is_aws, is_session = principal != SERVICE, principal == SESSION

        def document() -> Document:
            return self._document(action, resource)

        has_resource_policy = has_policy and (self._chance(0.7) or action.startswith(("sts:", "kms:")))
        levels = 2 if self._with_service_control and is_aws and self._chance(0.1) else 0
        return IamCase(
            principal,
            action,
            resource,
            account,
            self._context(),
            [document() for _ in range(self._random.randint(0, 2))] if is_aws else [],
            self._resource_policy(action, resource) if has_resource_policy else None,
            document() if is_aws and self._chance(0.3) else None,
            document() if is_session and self._chance(0.3) else None,
            [[self._document(action, resource, always=True)] for _ in range(levels)],
        )

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _some(self, values: tuple[str, ...], most: int = 2) -> str | list[str]:
        chosen = self._random.sample(values, self._random.randint(1, min(most, len(values))))
        return chosen[0] if len(chosen) == 1 and self._chance(0.5) else chosen

    def _context(self) -> dict[str, str | list[str]]:
        single = {
            key: self._random.choice((*values, *self._unusual_values(key)))
            for key, (values, _) in KEYS.items()
            if self._chance(0.6)
        }
        several = {
            key: self._random.sample(values, self._random.randint(1, len(values)))
            for key, values in LIST_KEYS.items()
            if self._chance(0.6)
        }
        return {**single, **several}

    def _unusual_values(self, key: str) -> tuple[str, ...]:
        return tuple(value for value in UNUSUAL.get(key, ()) if "/" not in value) if self._is_unusual else ()

    def _document(self, action: str, resource: str, *, always: bool = False) -> Document:
        statements = [self._statement(action, resource) for _ in range(self._random.randint(1, 2))]
        if always or self._chance(0.3):
            statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        return {"Version": self._random.choice(["2012-10-17"] * 19 + ["2008-10-17"]), "Statement": statements}

    def _resource_policy(self, action: str, resource: str) -> Document:
        statements = [
            {**self._statement(action, resource, is_trust=action.startswith("sts:")), **self._principal()}
            for _ in range(self._random.randint(1, 2))
        ]
        for statement in statements:
            if "NotPrincipal" in statement:
                statement["Effect"] = "Deny"
        return {"Version": "2012-10-17", "Statement": statements}

    def _principal(self) -> Document:
        if self._is_unusual and self._chance(0.3):
            own = [USER, f"arn:aws:iam::{ACCOUNT}:root"]
            session = [SESSION, ROLE, f"arn:aws:iam::{ACCOUNT}:root"]
            return {"NotPrincipal": {"AWS": self._random.choice([own, session])}}
        has_wildcard = self._principal_kind == "AWS" or self._is_unusual
        if has_wildcard and self._chance(0.2):
            return {"Principal": "*"}
        names = (USER, ROLE, SESSION, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER_ACCOUNT}:root")
        principal: Document = {"AWS": self._some((*names, "*") if has_wildcard else names)}
        if self._principal_kind == "Service" or self._chance(0.3):
            principal["Service"] = self._some((SERVICE, "ec2.amazonaws.com"))
        return {"Principal": principal}

    def _statement(self, action: str, resource: str, *, is_trust: bool = False) -> Document:
        statement: Document = {"Effect": "Allow" if self._chance(0.75) else "Deny"}
        service, _, name = action.partition(":")
        actions = (action, f"{service}:*", "*", f"{service}:{name[:4]}*", f"{service}:?{name[1:]}", "ec2:Run*")
        is_not_action = self._chance(0.1) and not is_trust
        statement["NotAction" if is_not_action else "Action"] = self._some(actions[-2:] if is_not_action else actions)
        if not is_trust:
            is_not_resource = self._chance(0.1)
            has_variables = self._is_unusual or not is_not_resource
            resources = self._resources(resource, has_variables=has_variables)
            statement["NotResource" if is_not_resource else "Resource"] = self._some(resources)
        if self._chance(0.5):
            conditions = [self._condition() for _ in range(self._random.randint(1, 2))]
            statement["Condition"] = {
                operator: keys for condition in conditions for operator, keys in condition.items()
            }
        return statement

    def _resources(self, resource: str, *, has_variables: bool) -> tuple[str, ...]:
        if resource == "*":
            return ("*",)
        start, _, end = resource.rpartition("/") if "/" in resource else resource.rpartition(":")
        separator = "/" if "/" in resource else ":"
        plain = (
            "*",
            resource,
            f"{start}{separator}*",
            f"{start}{separator}{end[:-1]}?",
            f"{resource[:-2]}*",
            f"{resource}-x",
        )
        variables = (f"{BUCKET}/home/${{aws:username}}/*", f"{BUCKET}/${{aws:PrincipalTag/team, '2026'}}/*")
        return (*plain, *variables) if has_variables else plain

    def _condition(self) -> Document:
        if self._chance(0.2):
            key = self._random.choice(tuple(LIST_KEYS))
            operator = self._random.choice(("ForAnyValue", "ForAllValues")) + ":" + self._random.choice(STRINGS)
            operator += "IfExists" if self._is_unusual and self._chance(0.5) else ""
            return {operator: {key: self._some((*LIST_KEYS[key], "a*", "*"), 3)}}
        key = self._random.choice(tuple(KEYS))
        if self._chance(0.1):
            return {"Null": {key: self._random.choice(["true", "false", True])}}
        operator = self._random.choice(OPERATORS.get(key, STRINGS)) + ("IfExists" if self._chance(0.2) else "")
        written = key.swapcase() if self._chance(0.1) and "/" not in key else key
        values = (*KEYS[key][1], *UNUSUAL.get(key, ())) if self._is_unusual else KEYS[key][1]
        return {operator: {written: self._some(values, 3)}}
