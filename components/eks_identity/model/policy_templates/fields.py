"""The fields of policy templates, with the validation of their ARNs and names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from eks_identity.errors import InvalidInput
from eks_identity.model import names
from eks_identity.model.arns import Arn
from eks_identity.model.partitions import AWS, Partition


@dataclass(frozen=True)
class Field:
    """A field of a policy template: a list of ARNs of one kind, or of names."""

    name: str
    kind: str
    """Description of one item, in messages."""
    example: str
    """Example of the resource of an ARN, or of a name."""
    form: re.Pattern[str] = re.compile(r".+", re.DOTALL)
    """Form of the resource of an ARN, or of a name."""
    service: str = ""
    """Service of the ARNs; empty for a field of names."""
    wildcard: str = ""
    """Resource of the ARN for all resources of this kind."""
    has_region: bool = True
    """Whether the ARNs have a region."""
    has_account: bool = True
    """Whether the ARNs have an account."""
    hint: Callable[[str], str | None] = lambda _: None
    """Returns the resource that a rejected text probably means."""
    is_list: bool = True
    is_flag: bool = False

    def shown_example(self, partition: Partition) -> str:
        """Return an example of an item."""
        return self.arn(self.example, partition) if self.service else self.example

    def arn(self, resource: str, partition: Partition) -> str:
        """Return an ARN of `resource` with placeholders, for messages."""
        region, account = "REGION" if self.has_region else "", "ACCOUNT" if self.has_account else ""
        return partition.arn(self.service, resource, region=region, account=account)

    def all_of(self, partition: Partition) -> str:
        """Return the ARN for all resources of this kind."""
        region, account = "*" if self.has_region else "", "*" if self.has_account else ""
        return partition.arn(self.service, self.wildcard, region=region, account=account)

    def check(
        self,
        value: str,
        *,
        partition: Partition | None = None,
        all_resources: bool = False,
        accepts_wildcard: bool = True,
    ) -> str:
        """Return the value; raise `InvalidInput` for an ARN of another kind or partition, or for all resources.

        Without `partition` the ARN's own is accepted. An ARN for all resources needs `all_resources`, and
        `accepts_wildcard`: whether the template accepts such an ARN in this field.
        """
        if not self.service:
            return self._name(names.text(value))
        arn = self._parse(names.text(value), partition or AWS)
        if partition is not None and arn.partition != partition:
            rule = f"must be a resource of the role's partition {partition.name}"
            raise names.invalid(rule, value, f"change arn:{arn.partition.name} to arn:{partition.name}")
        if self._is_wildcard(arn.resource) and not (all_resources and accepts_wildcard):
            opt_in = ", or set all_resources to True if all resources are intended" if accepts_wildcard else ""
            rule = f"must be one {self.kind}, not all of them"
            raise names.invalid(rule, value, f"write {self.arn(self.example, arn.partition)}{opt_in}")
        return str(arn)

    def _parse(self, text: str, partition: Partition) -> Arn:
        rule = f"must be the ARN of a {self.kind}"
        try:
            arn = Arn.parse(text)
        except InvalidInput:
            suggestion = self.arn(self._suggest(text) or self.example, partition)
            raise names.invalid(rule, text, f"write {suggestion}") from None
        has_scope = (bool(arn.region), bool(arn.account)) == (self.has_region, self.has_account)
        if arn.service == self.service and has_scope and self.form.fullmatch(arn.resource):
            return arn
        suggestion = self.arn(self.example, arn.partition)
        if arn.service == self.service and has_scope:
            resource = self._suggest(arn.resource) or self.example
            suggestion = arn.partition.arn(self.service, resource, region=arn.region, account=arn.account)
        raise names.invalid(rule, text, f"write {suggestion}")

    def _suggest(self, text: str) -> str | None:
        """Return the resource that `text` probably means, but never all resources."""
        resource = self.hint(text) or (text if self.form.fullmatch(text) else None)
        return None if resource is None or self._is_wildcard(resource) else resource

    def _is_wildcard(self, resource: str) -> bool:
        """Return whether the resource has only its type and wildcards, without an identifier."""
        prefix = self.wildcard.rpartition("*")[0].replace("*", "")
        return not re.sub(r"[*?/-]", "", resource.removeprefix(prefix.rstrip("/") or prefix))

    def _name(self, text: str) -> str:
        if not self.form.fullmatch(text):
            raise names.invalid(f"must be a {self.kind}", text, f"write {self.example}")
        return text


def _hosted_zone(text: str) -> str | None:
    """Return the resource of a zone's id: Route 53's API has `/hostedzone/Z…`, and its console `Z…`."""
    match = re.search(r"Z[A-Z0-9]{3,31}", text)
    return f"hostedzone/{match[0]}" if match else None


def _bucket(text: str) -> str | None:
    name = text.removeprefix("s3://").partition("/")[0]
    return name if re.fullmatch(_BUCKET, name) else None


def _key(text: str) -> str | None:
    match = re.search(r"(mrk-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", text)
    return f"key/{match[0]}" if match else None


def _with_prefix(prefix: str) -> Callable[[str], str | None]:
    """Return a hint that adds `prefix` to a name without it."""

    def hint(text: str) -> str | None:
        name = text.removeprefix("/")
        return f"{prefix}{name}" if re.fullmatch(r"[\w.*?/-]+", name) and not name.startswith(prefix) else None

    return hint


_BUCKET = r"[a-z0-9*?][a-z0-9.*?-]{0,62}"

HOSTED_ZONES = Field(
    "hosted_zone_arns",
    "hosted zone of Route 53",
    "hostedzone/Z0123456789ABCDEFGHIJ",
    re.compile(r"hostedzone/[A-Z0-9*?]{1,32}"),
    "route53",
    "hostedzone/*",
    has_region=False,
    has_account=False,
    hint=_hosted_zone,
)
BUCKETS = Field(
    "bucket_arns",
    "bucket, without objects",
    "NAME",
    re.compile(_BUCKET),
    "s3",
    "*",
    has_region=False,
    has_account=False,
    hint=_bucket,
)
KEYS = Field(
    "kms_key_arns",
    "key of KMS, not of an alias",
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
    hint=_with_prefix("secret:"),
)
PARAMETERS = Field(
    "parameter_arns",
    "parameter of Systems Manager",
    "parameter/PATH",
    re.compile(r"parameter/[\w./*?-]+", re.ASCII),
    "ssm",
    "parameter/*",
    hint=_with_prefix("parameter/"),
)
FILE_SYSTEMS = Field(
    "file_system_arns",
    "file system of EFS",
    "file-system/fs-0123456789abcdef0",
    re.compile(r"file-system/[\w*?-]+", re.ASCII),
    "elasticfilesystem",
    "file-system/*",
    hint=_with_prefix("file-system/"),
)
QUEUES = Field("queue_arns", "queue of SQS", "NAME", re.compile(r"[\w*?-]{1,80}(\.fifo)?", re.ASCII), "sqs", "*")
WORKSPACES = Field(
    "workspace_arns",
    "workspace of Amazon Managed Service for Prometheus",
    "workspace/ws-ID",
    re.compile(r"workspace/[\w*?-]+", re.ASCII),
    "aps",
    "workspace/*",
    hint=_with_prefix("workspace/"),
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
    has_region=False,
)
CLUSTERS = Field("cluster_names", "cluster's name", "my-cluster", re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}"))
KEY_PREFIXES = Field(
    "key_prefixes",
    "prefix of object keys that ends in a slash and does not begin with one",
    "team/",
    re.compile(r"[^/\s*?$][^*?$]*/"),
)
IP_FAMILY = Field("ip_family", "family, ipv4 or ipv6", "ipv4", re.compile(r"ipv[46]"), is_list=False)
WRITE = Field("write", "flag", "True", is_list=False, is_flag=True)
