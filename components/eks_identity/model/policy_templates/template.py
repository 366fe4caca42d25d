"""A policy template: its add-on, its fields, and the statements for the values of the fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.policy_templates.fields import CLUSTERS, IP_FAMILY, KEY_PREFIXES, KEYS, WRITE, Field
from eks_identity.model.policy_templates.statements import Statement


@dataclass(frozen=True)
class Scope:
    """The partition and the resources of one policy."""

    partition: Partition
    values: Mapping[str, Any]
    """Validated values by field name."""

    def all_of(self, *fields: Field) -> tuple[str, ...]:
        """Return the ARNs of `fields`; without any and with `all_resources`, the wildcard ARNs."""
        named = self.named(*fields)
        if named or not self.values.get("all_resources", False):
            return named
        return tuple(field.all_of(self.partition) for field in fields)

    def named(self, *fields: Field) -> tuple[str, ...]:
        """Return the ARNs of `fields`, which may be none."""
        return tuple(arn for field in fields for arn in self.values.get(field.name, ()))

    def arn(self, service: str, resource: str, *, region: str = "*", account: str = "*") -> str:
        """Return an ARN of this partition, by default for every region and account."""
        return self.partition.arn(service, resource, region=region, account=account)

    def hosts(self, service: str) -> tuple[str, ...]:
        """Return the service's host names. In partitions with their own DNS suffix, AWS uses both suffixes."""
        return tuple(dict.fromkeys(f"{service}.{suffix}" for suffix in (AWS.dns_suffix, self.partition.dns_suffix)))

    @property
    def keys(self) -> tuple[str, ...]:
        return self.named(KEYS)

    @property
    def clusters(self) -> tuple[str, ...]:
        return self.named(CLUSTERS)

    @property
    def key_prefixes(self) -> tuple[str, ...]:
        return self.named(KEY_PREFIXES)

    @property
    def ip_family(self) -> str:
        return str(self.values.get(IP_FAMILY.name, "ipv4"))

    @property
    def may_write(self) -> bool:
        return bool(self.values.get(WRITE.name, False))


@dataclass(frozen=True)
class PolicyTemplate:
    """A policy template: the permissions of one add-on."""

    name: str
    """Name of the add-on or chart."""
    namespace: str
    """Default namespace of the add-on."""
    service_account: str
    """Service account of its pods that call AWS."""
    permissions: str
    """The permissions, as the verbs of a sentence: `The add-on can …`."""
    source: str
    """URL of the actions that the add-on needs, published by the project or by AWS."""
    statements: Callable[[Scope], Iterable[Statement]]
    one_of: Sequence[Sequence[Field]] = ()
    """Groups of fields. Of each group at least one field must be set, or `all_resources`."""
    required: Sequence[Field] = ()
    """Fields that must be set even with `all_resources`, which would grant too much, or has no ARN."""
    optional: Sequence[Field] = ()
    """Fields that extend or narrow the permissions."""
    addon: str | None = None
    """Name of the EKS add-on, if AWS offers it as one."""
    fields: Mapping[str, Field] = dataclasses.field(init=False)
    """All fields by name."""

    def __post_init__(self) -> None:
        fields = [*self.required, *(field for group in self.one_of for field in group), *self.optional]
        object.__setattr__(self, "fields", {field.name: field for field in fields})

    @property
    def wildcard_fields(self) -> list[Field]:
        """The fields that accept an ARN for all resources, with `all_resources`."""
        return [field for field in self.fields.values() if field.service and field not in self.required]

    @property
    def has_all_resources(self) -> bool:
        """Whether `all_resources` has an effect."""
        return bool(self.one_of or self.wildcard_fields)
