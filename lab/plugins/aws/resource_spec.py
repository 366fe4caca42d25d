"""The shape of the table: what one row says about one type.

Requests are templates. A string that begins with `$` is the property of that name; anything else stands for itself;
a function is called with all values. What comes out as None is left out of the request. Answers are read with JMESPath,
in which `$name` is a quoted property. Beside the properties, a template may use

| `$id`       | the resource's id                                          |
| `$tagsAll`  | its tags and the provider's default tags, as an object     |
| `$tagList`  | the same as a list of `Key` and `Value`                    |
| `$tagKeys`  | at removal of tags: the keys to remove                     |
| `$item`     | in `members`: the item that is added or removed; in a call |
|             | with `each`: the item that it is made for                  |
| `$answer`   | in `details`: what `read` answered                         |
| `$before`   | in updates: the properties as they were                    |

and what reads an answer finds `Id`, `Region`, `Partition` and `Account` in it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lab.plugins.aws.converters import PLAIN, TAG_LIST, WHOLE, Converter

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

Template = Any
Values = Mapping[str, Any]
Hook = Callable[["Clients", Values], None]
"""What must be done first, and needs more than a request: called with all values, as requests are."""


@dataclass(frozen=True)
class Call:
    """One operation of AWS's API: boto3's name of it, the request, and where the answer holds what is wanted."""

    operation: str
    request: Mapping[str, Template]
    answer: str = ""
    each: str = ""
    """In `details`: JMESPath of a list in what `read` answered. The call is made for each item of it, and what comes of
    that is a list too."""


@dataclass(frozen=True)
class Property:
    """One property of a type, under Pulumi's name."""

    name: str
    found: str | None = None
    """JMESPath into what `Row.read` answers; None where AWS does not tell it."""
    created: str | None = None
    """JMESPath into what `Row.create` answers, for what AWS tells only once."""
    form: Converter = PLAIN
    is_input: bool = True
    required: bool = False
    replaces: bool = False
    """AWS cannot change it: another value makes another resource."""
    computed: bool = False
    """AWS chooses a value where the program gives none."""
    default: Any = None
    once: tuple[str, ...] = ()
    """Members of its value that AWS takes at creation only, and does not tell: another value replaces."""
    secret: bool = False
    volatile: bool = False
    """May change with any update of the resource."""


def input_(name: str, found: str | None = None, **rules: Any) -> Property:
    """A property that programs may set."""
    return Property(name, found, **rules)


def computed(name: str, found: str | None, form: Converter = PLAIN, **rules: Any) -> Property:
    """A property that only AWS sets."""
    return Property(name, found, form=form, is_input=False, **rules)


@dataclass(frozen=True)
class Id:
    """What Pulumi calls the resource: a property, several joined, or something that AWS's create answers with."""

    parts: tuple[str, ...] = ()
    separator: str = ":"
    answer: str = ""
    """JMESPath into create's answer, instead of `parts`."""
    imported: tuple[str, ...] = ()
    """Properties that an import's id holds, where these are not `parts`; `id` among them is the id itself."""


@dataclass(frozen=True)
class Name:
    """The property that is chosen where the program names nothing: `<logical name>-<7 hex digits>`."""

    property: str = "name"
    limit: int = 255
    """Characters that AWS allows."""
    prefix: str | None = None
    """The property that gives the name's beginning instead."""
    lowercase: bool = False


@dataclass(frozen=True)
class Update:
    """The call that changes `properties`."""

    properties: tuple[str, ...]
    call: Call
    cleared: Call | None = None
    """Made instead where the first of the properties is gone."""


@dataclass(frozen=True)
class Members:
    """A property that is changed item by item, `$item` in the requests: what is gone first, then what is new."""

    property: str
    add: Call
    remove: Call
    at_create: bool = False
    """Create does not take the items: they are added after it."""
    at_delete: bool = False
    """Delete refuses while there are items: they are removed before it."""


@dataclass(frozen=True)
class Tags:
    """How the type is tagged."""

    add: Call
    remove: Call
    found: str = "Tags"
    form: Converter = TAG_LIST
    at_create: bool = False
    """Create does not take tags: they are added after it."""


@dataclass(frozen=True)
class Waiter:
    """A waiter of botocore: its name and request."""

    name: str
    request: Mapping[str, Template]


@dataclass(frozen=True)
class ResourceSpec:
    """One type."""

    type: str
    """Pulumi's token of it: `aws:iam/role:Role`."""
    service: str
    """The name of boto3's client."""
    properties: tuple[Property, ...]
    id: Id
    create: Call
    read: Call
    delete: Call
    name: Name | None = None
    updates: tuple[Update, ...] = ()
    details: tuple[tuple[str, Call], ...] = ()
    """Further reads, each of which is put under its key in the answer of `read`."""
    after_create: tuple[Update, ...] = ()
    """What AWS takes only once the resource is there: made where a property is not its default, or none is named."""
    members: tuple[Members, ...] = ()
    before_update: tuple[Hook, ...] = ()
    before_delete: tuple[Hook, ...] = ()
    """What must go first, where the program asked for that."""
    tags: Tags | None = None
    ready: Waiter | None = None
    """Waited for after create and after each update."""
    deleted: Waiter | None = None
    only_one: tuple[str, ...] = ()
    """AWS allows one resource with these properties: where none of them changes, a replacement deletes first."""
    not_covered: Mapping[str, str] = field(default_factory=dict)
    """Properties of the official plugin that this row lacks, each with what to do instead."""
    no_import: str = ""
    """Why the type cannot be imported, where it cannot."""
    scope: Literal["global", "regional"] = "regional"

    @property
    def by_name(self) -> dict[str, Property]:
        return {each.name: each for each in self.all_properties}

    @property
    def all_properties(self) -> tuple[Property, ...]:
        """The row's own properties, and those that its tags and its region bring."""
        more: list[Property] = []
        if self.tags:
            more += [
                Property("tags", form=WHOLE),
                Property("tagsAll", self.tags.found, form=self.tags.form, is_input=False),
            ]
        if self.scope == "regional":
            more.append(Property("region", computed=True, replaces=True))
        return (*self.properties, *more)

    @property
    def inputs(self) -> tuple[Property, ...]:
        return tuple(each for each in self.all_properties if each.is_input)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every operation that the row may make."""
        changes = (*self.updates, *self.after_create)
        updates = [call for update in changes for call in (update.call, update.cleared) if call]
        updates += [call for members in self.members for call in (members.add, members.remove)]
        tagging = (self.tags.add, self.tags.remove) if self.tags else ()
        return (self.create, self.read, *(call for _, call in self.details), *updates, *tagging, self.delete)
