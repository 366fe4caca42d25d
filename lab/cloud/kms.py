"""KMS operations that differ from moto's: those that moto runs only for the id of a key, and not for its ARN.

Source: KMS API reference, EnableKey, DisableKey, ScheduleKeyDeletion and CancelKeyDeletion (KeyId).
"""

from __future__ import annotations

import json
from typing import Any

from moto.kms.responses import KmsResponse


class LabKmsResponse(KmsResponse):
    """The operations of KMS."""

    def enable_key(self) -> str:
        self._name_key_by_id()
        return super().enable_key()

    def disable_key(self) -> str:
        self._name_key_by_id()
        return super().disable_key()

    def schedule_key_deletion(self) -> str:
        self._name_key_by_id()
        return self._with_arn(super().schedule_key_deletion())

    def cancel_key_deletion(self) -> str:
        self._name_key_by_id()
        return self._with_arn(super().cancel_key_deletion())

    def _name_key_by_id(self) -> None:
        """Replace the ARN of a key in the request by the key's id."""
        request: dict[str, Any] = json.loads(self.body)
        self.body = json.dumps({**request, "KeyId": self.kms_backend.get_key_id(request["KeyId"])})

    def _with_arn(self, response: str) -> str:
        """Return a response with the ARN of its key, as KMS has it; moto repeats the text of the request."""
        output: dict[str, Any] = json.loads(response)
        return json.dumps({**output, "KeyId": self.kms_backend.keys[output["KeyId"]].arn})
