"""The classes of a resource spec: the description of one resource type.

Requests are templates. A string that begins with `$` is the property of that name; a function is called with all
values; any other value is literal. Members that render to None are omitted from the request. Responses are read with
JMESPath, in which `$name` is the quoted value of a property. In addition to the properties, a template may use

| `$id`       | the resource's id                                          |
| `$tagsAll`  | its tags and the provider's default tags, as an object     |
| `$tagList`  | the same as a list of `Key` and `Value`                    |
| `$tagKeys`  | at removal of tags: the keys to remove                     |
| `$item`     | in `members`: the added or removed item; in a call with    |
|             | `each`: the item of the call                               |
| `$answer`   | in `details`: the response of `read`                       |
| `$before`   | in updates: the properties before the update               |

and the response also has `Id`, `Region`, `Partition` and `Account`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lab.plugins.aws.converters import EXACT, PLAIN, TAG_LIST, Converter

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

Template = Any
Values = Mapping[str, Any]
Hook = Callable[["Clients", Values], None]
"""A function that runs before an operation, called with all values, as requests are."""


@dataclass(frozen=True)
class Call:
    """One operation of AWS's API: boto3's name, the request, and the JMESPath of the result in the response."""

    operation: str
    request: Mapping[str, Template]
    answer: str = ""
    each: str = ""
    """In `details`: JMESPath of a list in the response of `read`.

    The call is made for each item, and returns a list.
    """


@dataclass(frozen=True)
class Property:
    """A property of a type, by Pulumi's name."""

    name: str
    found: str | None = None
    """JMESPath into the response of `ResourceSpec.read`; None if AWS does not return the property."""
    created: str | None = None
    """JMESPath into the response of `ResourceSpec.create`, for properties that only this response has."""
    converter: Converter = PLAIN
    is_input: bool = True
    required: bool = False
    replaces: bool = False
    """AWS cannot change it: another value replaces the resource."""
    computed: bool = False
    """AWS chooses the value by default."""
    default: Any = None
    create_only: tuple[str, ...] = ()
    """Members of its value that AWS accepts only at creation and does not return: a new value replaces the resource."""
    secret: bool = False
    volatile: bool = False
    """Whether any update of the resource may change it."""


def input_(name: str, found: str | None = None, **rules: Any) -> Property:
    """Return a property that programs may set."""
    return Property(name, found, **rules)


def computed(name: str, found: str | None, converter: Converter = PLAIN, **rules: Any) -> Property:
    """Return a property that only AWS sets."""
    return Property(name, found, converter=converter, is_input=False, **rules)


@dataclass(frozen=True)
class Id:
    """The resource's id in Pulumi: a property, several joined properties, or a value in the response of create."""

    parts: tuple[str, ...] = ()
    separator: str = ":"
    answer: str = ""
    """JMESPath into the response of create, instead of `parts`."""
    imported: tuple[str, ...] = ()
    """Properties in the id of an import, if these are not `parts`; `id` among them is the id itself."""


@dataclass(frozen=True)
class Name:
    """The property with the automatic name: `<logical name>-<7 hex digits>`."""

    property: str = "name"
    limit: int = 255
    """Maximum number of characters in AWS."""
    prefix: str | None = None
    """The property with a prefix for the name, instead of the logical name."""
    lowercase: bool = False


@dataclass(frozen=True)
class Update:
    """The call that changes `properties`."""

    properties: tuple[str, ...]
    call: Call
    remove: Call | None = None
    """The call if the first of the properties is removed."""


@dataclass(frozen=True)
class Members:
    """A property that is changed item by item (`$item` in the requests): removed items first, then new ones."""

    property: str
    add: Call
    remove: Call
    at_create: bool = False
    """Whether the items are added after create, which does not accept them."""
    at_delete: bool = False
    """Whether the items are removed before delete, which fails while there are items."""


@dataclass(frozen=True)
class Tags:
    """The calls that tag a resource of the type."""

    add: Call
    remove: Call
    found: str = "Tags"
    converter: Converter = TAG_LIST
    at_create: bool = False
    """Whether tags are added after create, which does not accept them."""


@dataclass(frozen=True)
class Waiter:
    """A botocore waiter: its name and request."""

    name: str
    request: Mapping[str, Template]


@dataclass(frozen=True)
class ResourceSpec:
    """The description of one resource type."""

    type: str
    """Pulumi's type token: `aws:iam/role:Role`."""
    service: str
    """The service name of the boto3 client."""
    properties: tuple[Property, ...]
    id: Id
    create: Call
    read: Call
    delete: Call
    name: Name | None = None
    updates: tuple[Update, ...] = ()
    details: tuple[tuple[str, Call], ...] = ()
    """Further reads; the result of each is stored under its key in the response of `read`."""
    after_create: tuple[Update, ...] = ()
    """Calls after create: made if a property is not its default, or if the update names no properties."""
    members: tuple[Members, ...] = ()
    before_update: tuple[Hook, ...] = ()
    before_delete: tuple[Hook, ...] = ()
    """Functions that remove dependent objects before delete, if the program requests it."""
    delete_again_after: str = ""
    """Code of an error of delete after which the official plugin tries again for two minutes."""
    tags: Tags | None = None
    ready: Waiter | None = None
    """The waiter after create and after each update."""
    deleted: Waiter | None = None
    unique_by: tuple[str, ...] = ()
    """Properties that AWS requires to be unique: if none of them changes, a replacement deletes first."""
    not_covered: Mapping[str, str] = field(default_factory=dict)
    """Properties of the official plugin that this spec does not cover, each with an alternative."""
    no_import: str = ""
    """The alternative to an import, if the type cannot be imported."""
    scope: Literal["global", "regional"] = "regional"

    @property
    def by_name(self) -> dict[str, Property]:
        return {prop.name: prop for prop in self.all_properties}

    @property
    def all_properties(self) -> tuple[Property, ...]:
        """The spec's own properties, and those of its tags and its region."""
        more: list[Property] = []
        if self.tags:
            more += [
                Property("tags", converter=EXACT),
                Property("tagsAll", self.tags.found, converter=self.tags.converter, is_input=False),
            ]
        if self.scope == "regional":
            more.append(Property("region", computed=True, replaces=True))
        return (*self.properties, *more)

    @property
    def inputs(self) -> tuple[Property, ...]:
        return tuple(prop for prop in self.all_properties if prop.is_input)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every operation that the spec may call."""
        changes = (*self.updates, *self.after_create)
        updates = [call for update in changes for call in (update.call, update.remove) if call]
        updates += [call for members in self.members for call in (members.add, members.remove)]
        tagging = (self.tags.add, self.tags.remove) if self.tags else ()
        return (self.create, self.read, *(call for _, call in self.details), *updates, *tagging, self.delete)
