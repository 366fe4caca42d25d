"""A row, run: create, read, update and delete over boto3. Blocking; the provider puts it on threads."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lab.plugins.aws.check import DEFAULTS
from lab.plugins.aws.errors import GoneError, is_gone, told
from lab.plugins.aws.resource_spec import Call, Members, Property, ResourceSpec, Tags, Update, Waiter
from lab.plugins.aws.session import Clients
from lab.plugins.aws.template import operation_name, render, search
from lab.plugins.errors import PluginError

POLL_SECONDS: Final = 0.2
"""Between two looks of a waiter: the lab's clusters come up in seconds, not minutes."""

WAIT_SECONDS: Final = 30 * 60

_REGION: Final = re.compile(r"@([a-z]{2}(?:-[a-z]+)+-\d)$")
"""What ends an id of an import where the resource is in another region than the provider's: `both@us-east-1`."""

State = dict[str, Any]


class Lifecycle:
    """One type, at work in one provider."""

    def __init__(self, row: ResourceSpec, clients: Clients, cancelled: threading.Event) -> None:
        self.row = row
        self.clients = clients
        self._cancelled = cancelled

    def all_tags(self, inputs: Mapping[str, Any]) -> Any:
        """The provider's default tags under the resource's own."""
        own = inputs.get("tags")
        if own is None or isinstance(own, Mapping):
            return {**self.clients.settings.default_tags(), **(own or {})}
        return own  # not known yet

    def create(self, inputs: Mapping[str, Any], made: Callable[[str, State], None]) -> tuple[str, State]:
        """Make the resource: its id and state. `made` is told as soon as it exists, before what may still fail."""
        row = self.row
        state = self._with_tags(inputs)
        values = self._values(state, "")
        with self._told("creating", values):
            answer = self._call(row.create, values)
            resource_id = self._new_id(answer, values)
            state.update({each.name: search(each.created, answer) for each in row.properties if each.created})
            made(resource_id, state)
            values = self._values(state, resource_id)
            self._wait(row.ready, values)
            for update in row.after_create:
                if not update.properties or any(
                    state.get(name) != row.by_name[name].default for name in update.properties
                ):
                    self._call(update.call, values)
            for members in row.members:
                if members.at_create:
                    self._change_members(members, None, state.get(members.property), values)
            if row.tags and row.tags.at_create and values["tagList"]:
                self._call(row.tags.add, values)
        read = self.read(resource_id, state)
        if read is None:
            raise PluginError(f"creating {self._called(values)}: it was gone at once")
        return read

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, State] | None:
        """The id and state of what AWS has now; None where it is gone. An empty `state` is an import."""
        row = self.row
        if not state:
            resource_id, state = self._imported(resource_id)
        values = self._values(state, resource_id)
        try:
            with self._told("reading", values):
                answer = self._call(row.read, values)
                if answer is None:
                    return None
                answer = {**answer, "Id": resource_id}
                for key, call in row.details:
                    answer[key] = self._detail(call, {**values, "answer": answer})
                return resource_id, self._shown(answer, state)
        except GoneError:
            return None

    def update(
        self, resource_id: str, olds: Mapping[str, Any], inputs: Mapping[str, Any], changed: frozenset[str]
    ) -> State:
        """Make what is there what `inputs` ask for; `changed` names the properties that differ."""
        row = self.row
        state = self._with_tags({**{key: value for key, value in olds.items() if self._kept(key)}, **inputs})
        values = {**self._values(state, resource_id), "before": self._values(olds, resource_id)}
        with self._told("updating", values):
            for hook in row.before_update:
                hook(self.clients, values)
            for update in row.updates:
                if changed.intersection(update.properties):
                    self._update(update, values)
                    self._wait(row.ready, values)
            for members in row.members:
                if members.property in changed:
                    self._change_members(members, olds.get(members.property), state.get(members.property), values)
            if row.tags and changed & {"tags", "tagsAll"}:
                self._retag(row.tags, olds.get("tagsAll") or {}, state.get("tagsAll") or {}, values)
        read = self.read(resource_id, state)
        if read is None:
            raise PluginError(f"updating {self._called(values)}: it is gone", fix="run `pulumi refresh`")
        return read[1]

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Take the resource away; what is gone already stays so."""
        row = self.row
        values = self._values(state, resource_id)
        try:
            with self._told("deleting", values):
                for hook in row.before_delete:
                    hook(self.clients, values)
                for members in row.members:
                    if members.at_delete:
                        self._change_members(members, state.get(members.property), None, values)
                self._call(row.delete, values)
                self._wait(row.deleted, values)
        except GoneError:
            return

    def _kept(self, name: str) -> bool:
        """Whether a property that the inputs lack stays what it was: AWS's own, and what AWS chooses."""
        each = self.row.by_name.get(name)
        return each is not None and (not each.is_input or each.computed)

    def _with_tags(self, inputs: Mapping[str, Any]) -> State:
        state = {key: value for key, value in inputs.items() if key != DEFAULTS}
        if self.row.tags:
            state["tagsAll"] = self.all_tags(inputs)
        return state

    def _values(self, state: Mapping[str, Any], resource_id: str) -> State:
        """What templates may use: the properties as AWS wants them, and the words of `row`'s table."""
        values: State = {
            each.name: each.form.send(state[each.name])
            for each in self.row.all_properties
            if state.get(each.name) is not None and each.name not in {"tags", "tagsAll"}
        }
        tags = state.get("tagsAll") or None
        return {
            **values,
            "id": resource_id,
            "tagsAll": tags,
            "tagList": [{"Key": key, "Value": value} for key, value in tags.items()] if tags else None,
        }

    def _shown(self, answer: State, state: Mapping[str, Any]) -> State:
        region = state.get("region") or self.clients.region
        document = {**answer, "Region": region, "Partition": self.clients.partition}
        shown = {}
        for each in self.row.all_properties:
            value = self._property(each, document, state)
            if value is not None:
                shown[each.name] = value
        if self.row.scope == "regional":
            shown["region"] = region
        if self.row.tags:
            ignored = self.clients.settings.ignored
            every = {key: value for key, value in (shown.get("tagsAll") or {}).items() if not ignored(key)}
            own, default = state.get("tags") or {}, self.clients.settings.default_tags()
            mine = {key: value for key, value in every.items() if key in own or default.get(key) != value}
            shown |= {"tags": mine, "tagsAll": every} if mine or own else {"tagsAll": every}
        return shown

    def _property(self, each: Property, document: State, state: Mapping[str, Any]) -> Any:
        old = state.get(each.name)
        if each.found is None:
            return old
        if "Account" in each.found:
            document = {**document, "Account": self.clients.account}
        value = each.form.show(search(each.found, document))
        if each.once and isinstance(value, Mapping) and isinstance(old, Mapping):
            value = {**{name: old[name] for name in each.once if name in old}, **value}
        keep = old is not None and value is not None and each.form.keep and each.is_input
        # A program's words for the same thing stay, but settings that AWS filled in come beside them.
        if keep and not isinstance(value, Mapping) and each.form.same(value, old):
            return old
        return value

    def _imported(self, text: str) -> tuple[str, State]:
        """What the id of an import says: the type's own id, and the properties that it is made of."""
        row = self.row
        if row.no_import:
            raise PluginError(f"{row.type} cannot be imported here", fix=row.no_import)
        defaults = {each.name: each.default for each in row.inputs if each.default is not None and not each.found}
        suffix = _REGION.search(text) if row.scope == "regional" else None
        if suffix:
            text, defaults["region"] = text[: suffix.start()], suffix[1]
        names = row.id.imported or row.id.parts
        if len(names) < 2:
            return text, {**defaults, **{name: text for name in names if name != "id"}}
        parts = text.split(row.id.separator, len(names) - 1)
        if len(parts) != len(names):
            form = row.id.separator.join(f"<{name}>" for name in names)
            raise PluginError(f"{text!r} does not name a {row.type}", fix=f"import it by {form}")
        found = dict(zip(names, parts, strict=True))
        return found.pop("id", text), {**defaults, **found}

    def _new_id(self, answer: Any, values: Mapping[str, Any]) -> str:
        own = self.row.id
        if own.answer:
            return str(search(own.answer, answer))
        return own.separator.join(str(values[part]) for part in own.parts)

    def _call(self, call: Call, values: Mapping[str, Any]) -> Any:
        client = self.clients.client(self.row.service, values.get("region"))
        request = render(call.request, values) or {}
        answer = getattr(client, operation_name(call.operation, values))(**request)
        return search(call.answer, answer, values) if call.answer else answer

    def _detail(self, call: Call, values: Mapping[str, Any]) -> Any:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        if call.each:
            once = replace(call, each="")
            items = search(call.each, values["answer"]) or []
            found = [self._detail(once, {**values, "item": item}) for item in items]
            return [each for each in found if each is not None]
        try:
            return self._call(call, values)
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def _update(self, update: Update, values: Mapping[str, Any]) -> None:
        gone = update.cleared is not None and values.get(update.properties[0]) is None
        call = update.cleared if gone and update.cleared else update.call
        self._call(call, values)

    def _change_members(self, members: Members, old: Any, new: Any, values: Mapping[str, Any]) -> None:
        before, after = _items(old), _items(new)
        for item in before:
            if item not in after:
                self._call(members.remove, {**values, "item": item})
        for item in after:
            if item not in before:
                self._call(members.add, {**values, "item": item})

    def _retag(self, tags: Tags, old: Mapping[str, str], new: Mapping[str, str], values: Mapping[str, Any]) -> None:
        gone = [key for key in old if key not in new]
        if gone:
            self._call(tags.remove, {**values, "tagKeys": gone})
        if new:
            self._call(tags.add, values)

    def _wait(self, waiter: Waiter | None, values: Mapping[str, Any]) -> None:
        from botocore.exceptions import WaiterError  # noqa: PLC0415 - botocore is loaded by the first use of AWS

        if waiter is None:
            return
        client = self.clients.client(self.row.service, values.get("region"))
        waiting = client.get_waiter(waiter.name)
        waiting.config.max_attempts = 1
        request = render(waiter.request, values)
        for _ in range(int(WAIT_SECONDS / POLL_SECONDS)):
            try:
                waiting.wait(**request)
            except WaiterError as error:
                if "Max attempts exceeded" not in str(error):
                    raise
            else:
                return
            if self._cancelled.wait(POLL_SECONDS):
                raise PluginError(f"cancelled while waiting until {waiter.name}", fix="run `pulumi refresh`")
        raise PluginError(f"gave up after {WAIT_SECONDS} s of waiting until {waiter.name}")

    def _told(self, doing: str, values: Mapping[str, Any]) -> Any:
        return told(f"{doing} {self._called(values)}")

    def _called(self, values: Mapping[str, Any]) -> str:
        name = self.row.name
        called = values.get("id") or (values.get(name.property) if name else "") or ""
        return f"{self.row.type.rsplit(':', 1)[-1]} {called}".strip()


def _items(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
