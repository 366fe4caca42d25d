"""An entry of the catalogue: the add-on, the fields it reads, and its statements once those are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.policy_templates.fields import CLUSTERS, IP_FAMILY, KEY_PREFIXES, KEYS, WRITE, Field
from eks_identity.model.policy_templates.statements import Statement


@dataclass(frozen=True)
class Scope:
    """What a policy is made for: the partition, and the resources that were named."""

    partition: Partition
    given: Mapping[str, Any]
    """Checked values, by the field's name."""

    def all_of(self, *fields: Field) -> tuple[str, ...]:
        """The ARNs given in `fields`; where none is and `all_resources` is set, the ones that stand for all."""
        named = self.named(*fields)
        if named or not self.given.get("all_resources", False):
            return named
        return tuple(one.all_of(self.partition) for one in fields)

    def named(self, *fields: Field) -> tuple[str, ...]:
        """The ARNs given in `fields`, none where none is."""
        return tuple(arn for one in fields for arn in self.given.get(one.name, ()))

    def arn(self, service: str, resource: str, *, region: str = "*", account: str = "*") -> str:
        """An ARN of this partition, in every region and account unless said."""
        return self.partition.arn(service, resource, region=region, account=account)

    def hosts(self, service: str) -> tuple[str, ...]:
        """The service's host names: in partitions with a DNS suffix of their own, AWS uses either, so both count."""
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
        return str(self.given.get(IP_FAMILY.name, "ipv4"))

    @property
    def may_write(self) -> bool:
        return bool(self.given.get(WRITE.name, False))


@dataclass(frozen=True)
class Entry:
    """An add-on and what it may do."""

    name: str
    """The add-on's or chart's own name."""
    namespace: str
    """The namespace that it installs itself into."""
    service_account: str
    """The service account of its pods that talk to AWS."""
    lets: str
    """What the policy lets those do, in half a sentence."""
    source: str
    """Where the project, or AWS, publishes which actions the add-on needs."""
    statements: Callable[[Scope], Iterable[Statement]]
    needs: Sequence[Sequence[Field]] = ()
    """Of each of these at least one field is needed, or `all_resources`."""
    always: Sequence[Field] = ()
    """Fields that are needed in any case: all of them would be far too much, or cannot be said."""
    takes: Sequence[Field] = ()
    """Fields that add something, or narrow it."""
    addon: str | None = None
    """The EKS add-on that this is, where AWS offers it as one."""
    fields: Mapping[str, Field] = field(init=False)
    """Every field that is read, by its name."""

    def __post_init__(self) -> None:
        read = [*self.always, *(one for group in self.needs for one in group), *self.takes]
        object.__setattr__(self, "fields", {one.name: one for one in read})

    @property
    def opening(self) -> list[Field]:
        """The fields that may mean everything, once `all_resources` says so."""
        return [one for one in self.fields.values() if one.service and one not in self.always]

    @property
    def can_open(self) -> bool:
        """Whether `all_resources` means something here."""
        return bool(self.needs or self.opening)
