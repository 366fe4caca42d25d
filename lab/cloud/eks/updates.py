"""Updates: what EKS calls a change that takes time, with an id to wait for."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult

from lab.cloud.eks import errors
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.records import UpdateRecord, new_uuid
from lab.cloud.eks.store import ClusterRecord

_log = logging.getLogger(__name__)


class UpdateOperations(Operations):
    """DescribeUpdate and ListUpdates, and the way in which other operations begin an update."""

    def describe_update(self) -> ActionResult:
        with self.store.lock:
            update = self._updates().get(self.param("updateId"))
            if update is None:
                raise errors.ResourceNotFoundException(f"No update found for ID: {self.param('updateId')}")
            return ActionResult({"update": update.describe()})

    def list_updates(self) -> ActionResult:
        with self.store.lock:
            ids, token = self.page({update_id: update_id for update_id in self._updates()})
        return ActionResult({"updateIds": ids, "nextToken": token})

    def _updates(self) -> dict[str, UpdateRecord]:
        """The updates of what the request names: a node group, an add-on, or the cluster itself."""
        of = (self.param("nodegroupName"), self.param("addonName"))
        return {
            update.id: update for update in self.cluster().updates.values() if (update.nodegroup, update.addon) == of
        }

    def begin_update(
        self,
        cluster: ClusterRecord,
        kind: str,
        params: Mapping[str, Any],
        work: Callable[[], None],
        *,
        nodegroup: str | None = None,
        addon: str | None = None,
    ) -> UpdateRecord:
        """Record an update and do `work` for it after the answer; what `work` raises becomes the update's error.

        Call it with the store's lock held. Members of `params` that are None are left out; others than strings
        become JSON, as EKS gives them back.
        """
        update = UpdateRecord(
            id=new_uuid(),
            type=kind,
            params=[{"type": name, "value": _text(value)} for name, value in params.items() if value is not None],
            nodegroup=nodegroup,
            addon=addon,
        )
        cluster.updates[update.id] = update

        def carry_out() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the update carries it to the caller
                _log.warning("update %s of %s failed", update.id, cluster.key.arn, exc_info=True)
                with self.store.lock:
                    update.errors.append({"errorCode": "Unknown", "errorMessage": str(error), "resourceIds": []})
                    update.status = "Failed"
            else:
                with self.store.lock:
                    update.status = "Successful"

        self.store.run(f"eks-update-{update.id}", carry_out)
        return update


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
