"""The calls of a resource spec: requests from its templates, repeated or polled as the official plugin does.

Blocking: the provider runs it in threads.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from lab.plugins.aws.errors import call_unless_gone, code_of, is_gone
from lab.plugins.aws.resource_spec import Call, Members, ResourceSpec, Tags, Update, Waiter
from lab.plugins.aws.session import Clients
from lab.plugins.aws.template import operation_name, render, search
from lab.plugins.errors import PluginError

POLL_SECONDS: Final = 0.2
"""Seconds between two polls of a waiter: the lab's clusters start in seconds, not minutes."""

WAIT_SECONDS: Final = 30 * 60

DELETE_SECONDS: Final = 120
"""How long a deletion is tried again. Source: the official plugin's time for changes in IAM to be seen everywhere."""


class Calls:
    """The calls of one type in one provider. Values of templates are those of `resource_spec`'s table."""

    def __init__(self, spec: ResourceSpec, clients: Clients, cancelled: threading.Event) -> None:
        self.spec = spec
        self.clients = clients
        self._cancelled = cancelled

    def call(self, call: Call, values: Mapping[str, Any]) -> Any:
        """Call an operation with the rendered request, and return the part of its response that the spec names."""
        client = self.clients.client(self.spec.service, values.get("region"))
        request = render(call.request, values) or {}
        response = getattr(client, operation_name(call.operation, values))(**request)
        return search(call.answer, response, values) if call.answer else response

    def detail(self, call: Call, values: Mapping[str, Any]) -> Any:
        """Return the result of a further read; None if there is no such object."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        if call.each:
            single = replace(call, each="")
            items = search(call.each, values["answer"]) or []
            details = [self.detail(single, {**values, "item": item}) for item in items]
            return [detail for detail in details if detail is not None]
        try:
            return self.call(call, values)
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def update(self, update: Update, values: Mapping[str, Any]) -> None:
        """Change the properties of one update, or remove the first of them."""
        removed = update.remove is not None and values.get(update.properties[0]) is None
        call = update.remove if removed and update.remove else update.call
        self.call(call, values)

    def change_members(self, members: Members, old: Any, new: Any, values: Mapping[str, Any]) -> None:
        """Remove the items that `new` lacks, and add those that `old` lacks."""
        before, after = _items(old), _items(new)
        for item in before:
            if item not in after:
                self.call(members.remove, {**values, "item": item})
        for item in after:
            if item not in before:
                self.call(members.add, {**values, "item": item})

    def remove_members(self, members: Members, old: Any, values: Mapping[str, Any]) -> None:
        """Remove all items, each also if another one is gone already."""
        for item in _items(old):
            call_unless_gone(lambda item=item: self.call(members.remove, {**values, "item": item}))

    def delete(self, values: Mapping[str, Any]) -> None:
        """Call delete, again and again while AWS rejects it with the spec's error."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - botocore is loaded at the first call
        from tenacity import Retrying, retry_if_exception, stop_after_delay, stop_when_event_set, wait_fixed  # noqa: PLC0415

        def is_tried_again(error: BaseException) -> bool:
            return isinstance(error, ClientError) and code_of(error) == self.spec.delete_again_after

        Retrying(
            retry=retry_if_exception(is_tried_again),
            wait=wait_fixed(POLL_SECONDS),
            stop=stop_after_delay(DELETE_SECONDS) | stop_when_event_set(self._cancelled),
            reraise=True,
        )(self.call, self.spec.delete, values)

    def retag(self, tags: Tags, old: Mapping[str, str], new: Mapping[str, str], values: Mapping[str, Any]) -> None:
        """Remove the tags that `new` lacks, and set those that it has."""
        removed = [key for key in old if key not in new]
        if removed:
            self.call(tags.remove, {**values, "tagKeys": removed})
        if new:
            self.call(tags.add, values)

    def wait(self, waiter: Waiter | None, values: Mapping[str, Any]) -> None:
        """Poll until the waiter of botocore is satisfied."""
        from botocore.exceptions import WaiterError  # noqa: PLC0415 - botocore is loaded at the first call

        if waiter is None:
            return
        client = self.clients.client(self.spec.service, values.get("region"))
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
        raise PluginError(f"timed out after {WAIT_SECONDS} s of waiting until {waiter.name}")


def _items(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
