"""Create, read, update and delete resources by a resource spec with boto3.

Blocking: the provider runs it in threads.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from lab.plugins.aws.calls import Calls
from lab.plugins.aws.check import DEFAULTS
from lab.plugins.aws.errors import GoneError, plugin_errors
from lab.plugins.aws.resource_spec import Property, ResourceSpec
from lab.plugins.aws.session import Clients
from lab.plugins.aws.template import search
from lab.plugins.errors import PluginError

_REGION: Final = re.compile(r"@([a-z]{2}(?:-[a-z]+)+-\d)$")
"""The suffix of an import id for a resource in another region than the provider's: `both@us-east-1`."""

State = dict[str, Any]


class Lifecycle:
    """The life cycle of the resources of one type in one provider."""

    def __init__(self, spec: ResourceSpec, clients: Clients, cancelled: threading.Event) -> None:
        self.spec = spec
        self.clients = clients
        self._calls = Calls(spec, clients, cancelled)

    def all_tags(self, inputs: Mapping[str, Any]) -> Any:
        """Return the resource's tags with the provider's default tags."""
        own = inputs.get("tags")
        if own is None or isinstance(own, Mapping):
            return {**self.clients.settings.default_tags(), **(own or {})}
        return own  # unresolved

    def create(self, inputs: Mapping[str, Any], on_created: Callable[[str, State], None]) -> tuple[str, State]:
        """Create the resource and return its id and state.

        `on_created` is called as soon as the resource exists, before operations that may still fail.
        """
        spec = self.spec
        state = self._with_tags(inputs)
        values = self._values(state, "")
        with self._plugin_errors("creating", values):
            response = self._calls.call(spec.create, values)
            resource_id = self._new_id(response, values)
            state.update({prop.name: search(prop.created, response) for prop in spec.properties if prop.created})
            on_created(resource_id, state)
            values = self._values(state, resource_id)
            self._calls.wait(spec.ready, values)
            for update in spec.after_create:
                if not update.properties or any(
                    state.get(name) != spec.by_name[name].default for name in update.properties
                ):
                    self._calls.call(update.call, values)
            for members in spec.members:
                if members.at_create:
                    self._calls.change_members(members, None, state.get(members.property), values)
            if spec.tags and spec.tags.at_create and values["tagList"]:
                self._calls.call(spec.tags.add, values)
        read = self.read(resource_id, state)
        if read is None:
            raise PluginError(f"creating {self._display(values)}: it does not exist after its creation")
        return read

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, State] | None:
        """Return the id and the current state; None if the resource does not exist. An empty `state` is an import."""
        spec = self.spec
        if not state:
            resource_id, state = self._imported(resource_id)
        values = self._values(state, resource_id)
        try:
            with self._plugin_errors("reading", values):
                response = self._calls.call(spec.read, values)
                if response is None:
                    return None
                response = {**response, "Id": resource_id}
                for key, call in spec.details:
                    response[key] = self._calls.detail(call, {**values, "answer": response})
                return resource_id, self._state(response, state)
        except GoneError:
            return None

    def update(
        self, resource_id: str, olds: Mapping[str, Any], inputs: Mapping[str, Any], changed: frozenset[str]
    ) -> State:
        """Update the resource to `inputs`; `changed` has the names of the changed properties."""
        spec = self.spec
        state = self._with_tags({**{key: value for key, value in olds.items() if self._is_kept(key)}, **inputs})
        values = {**self._values(state, resource_id), "before": self._values(olds, resource_id)}
        with self._plugin_errors("updating", values):
            for hook in spec.before_update:
                hook(self.clients, values)
            for update in spec.updates:
                if changed.intersection(update.properties):
                    self._calls.update(update, values)
                    self._calls.wait(spec.ready, values)
            for members in spec.members:
                if members.property in changed:
                    self._calls.change_members(members, olds.get(members.property), state.get(members.property), values)
            if spec.tags and changed & {"tags", "tagsAll"}:
                self._calls.retag(spec.tags, olds.get("tagsAll") or {}, state.get("tagsAll") or {}, values)
        read = self.read(resource_id, state)
        if read is None:
            raise PluginError(
                f"updating {self._display(values)}: it does not exist any more", fix="run `pulumi refresh`"
            )
        return read[1]

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Delete the resource. A missing resource is no error."""
        spec = self.spec
        values = self._values(state, resource_id)
        try:
            with self._plugin_errors("deleting", values):
                for hook in spec.before_delete:
                    hook(self.clients, values)
                for members in spec.members:
                    if members.at_delete:
                        self._calls.remove_members(members, state.get(members.property), values)
                self._calls.delete(values)
                self._calls.wait(spec.deleted, values)
        except GoneError:
            return

    def _is_kept(self, name: str) -> bool:
        """Return whether a property that the inputs lack keeps its value: outputs, and values that AWS chooses."""
        prop = self.spec.by_name.get(name)
        return prop is not None and (not prop.is_input or prop.computed)

    def _with_tags(self, inputs: Mapping[str, Any]) -> State:
        state = {key: value for key, value in inputs.items() if key != DEFAULTS}
        if self.spec.tags:
            state["tagsAll"] = self.all_tags(inputs)
        return state

    def _values(self, state: Mapping[str, Any], resource_id: str) -> State:
        """Return the values for templates: the properties in AWS's form, and the names in `resource_spec`'s table."""
        values: State = {
            prop.name: prop.converter.send(state[prop.name])
            for prop in self.spec.all_properties
            if state.get(prop.name) is not None and prop.name not in {"tags", "tagsAll"}
        }
        tags = state.get("tagsAll") or None
        return {
            **values,
            "id": resource_id,
            "tagsAll": tags,
            "tagList": [{"Key": key, "Value": value} for key, value in tags.items()] if tags else None,
        }

    def _state(self, response: State, state: Mapping[str, Any]) -> State:
        region = state.get("region") or self.clients.region
        document = {**response, "Region": region, "Partition": self.clients.partition}
        result = {}
        for prop in self.spec.all_properties:
            value = self._property(prop, document, state)
            if value is not None:
                result[prop.name] = value
        if self.spec.scope == "regional":
            result["region"] = region
        if self.spec.tags:
            ignored = self.clients.settings.ignored
            all_tags = {key: value for key, value in (result.get("tagsAll") or {}).items() if not ignored(key)}
            own, default = state.get("tags") or {}, self.clients.settings.default_tags()
            own_tags = {key: value for key, value in all_tags.items() if key in own or default.get(key) != value}
            result |= {"tags": own_tags, "tagsAll": all_tags} if own_tags or own else {"tagsAll": all_tags}
        return result

    def _property(self, prop: Property, document: State, state: Mapping[str, Any]) -> Any:
        old = state.get(prop.name)
        if prop.found is None:
            return old
        if "Account" in prop.found:
            document = {**document, "Account": self.clients.account}
        value = prop.converter.show(search(prop.found, document))
        if prop.create_only and isinstance(value, Mapping) and isinstance(old, Mapping):
            value = {**{name: old[name] for name in prop.create_only if name in old}, **value}
        keep = old is not None and value is not None and prop.converter.keep and prop.is_input
        # The program's value stays if it is equivalent; objects also get the defaults that AWS added.
        if keep and not isinstance(value, Mapping) and prop.converter.same(value, old):
            return old
        return value

    def _imported(self, text: str) -> tuple[str, State]:
        """Parse the id of an import: return the type's own id, and the properties in it."""
        spec = self.spec
        if spec.no_import:
            raise PluginError(f"{spec.type} cannot be imported", fix=spec.no_import)
        defaults = {prop.name: prop.default for prop in spec.inputs if prop.default is not None and not prop.found}
        suffix = _REGION.search(text) if spec.scope == "regional" else None
        if suffix:
            text, defaults["region"] = text[: suffix.start()], suffix[1]
        names = spec.id.imported or spec.id.parts
        if len(names) < 2:
            return text, {**defaults, **{name: text for name in names if name != "id"}}
        parts = text.split(spec.id.separator, len(names) - 1)
        if len(parts) != len(names):
            template = spec.id.separator.join(f"<{name}>" for name in names)
            raise PluginError(f"{text!r} must be the id of a {spec.type}", fix=f"import it as {template}")
        values = dict(zip(names, parts, strict=True))
        return values.pop("id", text), {**defaults, **values}

    def _new_id(self, response: Any, values: Mapping[str, Any]) -> str:
        own = self.spec.id
        if own.answer:
            return str(search(own.answer, response))
        return own.separator.join(str(values[part]) for part in own.parts)

    def _plugin_errors(self, doing: str, values: Mapping[str, Any]) -> Any:
        return plugin_errors(f"{doing} {self._display(values)}")

    def _display(self, values: Mapping[str, Any]) -> str:
        name = self.spec.name
        called = values.get("id") or (values.get(name.property) if name else "") or ""
        return f"{self.spec.type.rsplit(':', 1)[-1]} {called}".strip()
