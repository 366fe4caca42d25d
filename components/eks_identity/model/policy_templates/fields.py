"""The fields that say what an entry may touch: which ARNs each takes, and what to write instead of what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import names
from eks_identity.model.arns import Arn
from eks_identity.model.partitions import AWS, Partition


@dataclass(frozen=True)
class Field:
    """One field: a list of ARNs of one kind, or of names that become part of the policy."""

    name: str
    what: str
    """One of what it names, for messages."""
    example: str
    """The resource of an ARN, or the name, of such a one."""
    form: re.Pattern[str] = re.compile(r".+", re.DOTALL)
    """What the resource of an ARN looks like; with a name, the name."""
    service: str = ""
    """The service of the ARNs; none: the field takes names."""
    everything: str = ""
    """The resource that stands for all of them."""
    regional: bool = True
    """Whether the ARNs have a region."""
    owned: bool = True
    """Whether the ARNs have an account."""
    hint: Callable[[str], str | None] = lambda _: None
    """The resource that was most likely meant by a text that is refused."""
    is_list: bool = True
    is_flag: bool = False

    def shown_example(self, partition: Partition) -> str:
        """One of them as it is written."""
        return self.arn(self.example, partition) if self.service else self.example

    def arn(self, resource: str, partition: Partition) -> str:
        """The ARN of `resource` as an example, or of every one where it is a wildcard."""
        region, account = "REGION" if self.regional else "", "ACCOUNT" if self.owned else ""
        return partition.arn(self.service, resource, region=region, account=account)

    def all_of(self, partition: Partition) -> str:
        """The ARN that stands for all resources of this kind."""
        region, account = "*" if self.regional else "", "*" if self.owned else ""
        return partition.arn(self.service, self.everything, region=region, account=account)

    def check(
        self, value: str, *, partition: Partition | None = None, all_resources: bool = False, can_open: bool = True
    ) -> str:
        """The value; refuses another kind of ARN, another partition, and what stands for everything unless asked for.

        Without `partition` that of the ARN itself is taken. `can_open` is whether everything can be asked for at all.
        """
        if not self.service:
            return self._name(names.text(value))
        found = self._parse(names.text(value), partition or AWS)
        if partition is not None and found.partition != partition:
            raise _refused(
                f"a role of partition {partition.name} is given resources of that partition",
                value,
                f"change arn:{found.partition.name} to arn:{partition.name}",
            )
        if self._is_everything(found.resource) and not (all_resources and can_open):
            opt_in = ", or set all_resources to True if that is meant" if can_open else ""
            rule = f"names a {self.what}; this stands for all of them"
            raise _refused(rule, value, f"write {self.arn(self.example, found.partition)}{opt_in}")
        return str(found)

    def _parse(self, text: str, partition: Partition) -> Arn:
        rule = f"the ARN of a {self.what}"
        try:
            arn = Arn.parse(text)
        except InvalidInput:
            meant = self.arn(self._guess(text) or self.example, partition)
            raise _refused(rule, text, f"write {meant}") from None
        in_place = (bool(arn.region), bool(arn.account)) == (self.regional, self.owned)
        if arn.service == self.service and in_place and self.form.fullmatch(arn.resource):
            return arn
        meant = self.arn(self.example, arn.partition)
        if arn.service == self.service and in_place:
            resource = self._guess(arn.resource) or self.example
            meant = arn.partition.arn(self.service, resource, region=arn.region, account=arn.account)
        raise _refused(rule, text, f"write {meant}")

    def _guess(self, text: str) -> str | None:
        """The resource that was most likely meant by `text`; never everything."""
        guessed = self.hint(text) or (text if self.form.fullmatch(text) else None)
        return None if guessed is None or self._is_everything(guessed) else guessed

    def _is_everything(self, resource: str) -> bool:
        """Whether nothing is named: there are only the words before the identifier, and wildcards."""
        fixed = self.everything.rpartition("*")[0].replace("*", "")
        return not re.sub(r"[*?/-]", "", resource.removeprefix(fixed.rstrip("/") or fixed))

    def _name(self, text: str) -> str:
        if not self.form.fullmatch(text):
            raise _refused(f"a {self.what}", text, f"write {self.example}")
        return text


def _refused(rule: str, value: object, fix: str) -> InvalidInput:
    return InvalidInput([Problem("", rule, value, fix)])


def _hosted_zone(text: str) -> str | None:
    """Route 53 prints a zone's id as `/hostedzone/Z…`, and its console as `Z…`."""
    found = re.search(r"Z[A-Z0-9]{3,31}", text)
    return f"hostedzone/{found[0]}" if found else None


def _bucket(text: str) -> str | None:
    name = text.removeprefix("s3://").partition("/")[0]
    return name if re.fullmatch(_BUCKET, name) else None


def _key(text: str) -> str | None:
    found = re.search(r"(mrk-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", text)
    return f"key/{found[0]}" if found else None


def _below(prefix: str) -> Callable[[str], str | None]:
    """A bare name is put below `prefix`."""

    def guess(text: str) -> str | None:
        bare = text.removeprefix("/")
        return f"{prefix}{bare}" if re.fullmatch(r"[\w.*?/-]+", bare) and not bare.startswith(prefix) else None

    return guess


_BUCKET = r"[a-z0-9*?][a-z0-9.*?-]{0,62}"

HOSTED_ZONES = Field(
    "hosted_zone_arns",
    "hosted zone of Route 53",
    "hostedzone/Z0123456789ABCDEFGHIJ",
    re.compile(r"hostedzone/[A-Z0-9*?]{1,32}"),
    "route53",
    "hostedzone/*",
    regional=False,
    owned=False,
    hint=_hosted_zone,
)
BUCKETS = Field(
    "bucket_arns",
    "bucket, without objects",
    "NAME",
    re.compile(_BUCKET),
    "s3",
    "*",
    regional=False,
    owned=False,
    hint=_bucket,
)
KEYS = Field(
    "kms_key_arns",
    "key of KMS (IAM compares no aliases here)",
    "key/ID",
    re.compile(r"key/[\w*?-]+", re.ASCII),
    "kms",
    "key/*",
    hint=_key,
)
SECRETS = Field(
    "secret_arns",
    "secret of Secrets Manager",
    "secret:NAME-??????",
    re.compile(r"secret:[\w/+=.@*?-]+", re.ASCII),
    "secretsmanager",
    "secret:*",
    hint=_below("secret:"),
)
PARAMETERS = Field(
    "parameter_arns",
    "parameter of Systems Manager",
    "parameter/PATH",
    re.compile(r"parameter/[\w./*?-]+", re.ASCII),
    "ssm",
    "parameter/*",
    hint=_below("parameter/"),
)
FILE_SYSTEMS = Field(
    "file_system_arns",
    "file system of EFS",
    "file-system/fs-0123456789abcdef0",
    re.compile(r"file-system/[\w*?-]+", re.ASCII),
    "elasticfilesystem",
    "file-system/*",
    hint=_below("file-system/"),
)
QUEUES = Field("queue_arns", "queue of SQS", "NAME", re.compile(r"[\w*?-]{1,80}(\.fifo)?", re.ASCII), "sqs", "*")
WORKSPACES = Field(
    "workspace_arns",
    "workspace of the managed Prometheus",
    "workspace/ws-ID",
    re.compile(r"workspace/[\w*?-]+", re.ASCII),
    "aps",
    "workspace/*",
    hint=_below("workspace/"),
)
TARGET_GROUPS = Field(
    "target_group_arns",
    "target group of a load balancer",
    "targetgroup/NAME/ID",
    re.compile(r"targetgroup/[\w*?-]+/[\w*?]+", re.ASCII),
    "elasticloadbalancing",
    "targetgroup/*/*",
)
NODE_ROLES = Field(
    "node_role_arns",
    "role of IAM",
    "role/NAME",
    re.compile(r"role/[\w+=,.@/*?-]+", re.ASCII),
    "iam",
    "role/*",
    regional=False,
)
CLUSTERS = Field("cluster_names", "cluster's name", "my-cluster", re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}"))
KEY_PREFIXES = Field(
    "key_prefixes",
    "prefix of keys that ends in a slash and begins with none",
    "team/",
    re.compile(r"[^/\s*?$][^*?$]*/"),
)
IP_FAMILY = Field("ip_family", "family, ipv4 or ipv6", "ipv4", re.compile(r"ipv[46]"), is_list=False)
WRITE = Field("write", "flag", "True", is_list=False, is_flag=True)
