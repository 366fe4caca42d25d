"""Operations for updates. An update is an asynchronous change of a cluster, a node group or an add-on."""

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
    """DescribeUpdate and ListUpdates. Other operations call `begin_update`."""

    def describe_update(self) -> ActionResult:
        with self.store.lock:
            update = self._list_updates().get(self.param("updateId"))
            if update is None:
                raise errors.ResourceNotFoundException(f"No update found for ID: {self.param('updateId')}")
            return ActionResult({"update": update.describe()})

    def list_updates(self) -> ActionResult:
        with self.store.lock:
            ids, token = self.page({update_id: update_id for update_id in self._list_updates()})
        return ActionResult({"updateIds": ids, "nextToken": token})

    def _list_updates(self) -> dict[str, UpdateRecord]:
        """Return the updates of the request's resource: a node group, an add-on, or the cluster itself."""
        nodegroup, addon = self.param("nodegroupName"), self.param("addonName")
        return {
            update.id: update
            for update in self.cluster().updates.values()
            if (update.nodegroup, update.addon) == (nodegroup, addon)
        }

    def begin_update(
        self,
        cluster: ClusterRecord,
        kind: str,
        params: Mapping[str, Any],
        job: Callable[[], None],
        *,
        nodegroup: str | None = None,
        addon: str | None = None,
    ) -> UpdateRecord:
        """Create the record of an update and run `job` for it in the background.

        An exception of `job` becomes the update's error. Call this with the store's lock held. Members of `params` that
        are None are omitted. Values that are not strings become JSON, as EKS returns them.
        """
        update = UpdateRecord(
            id=new_uuid(),
            type=kind,
            params=[{"type": name, "value": _to_text(value)} for name, value in params.items() if value is not None],
            nodegroup=nodegroup,
            addon=addon,
        )
        cluster.updates[update.id] = update

        def run_update() -> None:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - DescribeUpdate returns every error
                _log.warning("update %s of %s failed", update.id, cluster.key.arn, exc_info=True)
                with self.store.lock:
                    update.errors.append({"errorCode": "Unknown", "errorMessage": str(error), "resourceIds": []})
                    update.status = "Failed"
            else:
                with self.store.lock:
                    update.status = "Successful"

        self.store.jobs.run(f"eks-update-{update.id}", run_update)
        return update


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
