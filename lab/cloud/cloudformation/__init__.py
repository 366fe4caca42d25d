"""AWS CloudFormation, in place of moto's own, which creates resources without authorization of the caller.

    request → operations → requests (template, parameters, capabilities) → deployment or update, on a thread
                                                                            ↓
                                       resource_types → calls → the gate, as the caller or the service role

The lab implements the resource types that eksctl uses for identity, and rejects templates with others.
"""

from __future__ import annotations

import moto.cloudformation.urls

from lab.cloud.cloudformation.change_set_operations import ChangeSetOperations
from lab.cloud.cloudformation.stack_operations import StackOperations
from lab.cloud.cloudformation.store import store
from lab.cloud.cloudformation.template_operations import TemplateOperations


class CloudFormationResponse(StackOperations, ChangeSetOperations, TemplateOperations):
    """All operations of CloudFormation that the lab implements."""


def install() -> None:
    """Register the operations in moto's URL table. Call this before any request."""
    moto.cloudformation.urls.url_paths = {"{0}/$": CloudFormationResponse.dispatch}


def shutdown() -> None:
    """Wait for the running stack operations, and delete all stacks."""
    store.close()


__all__ = ("CloudFormationResponse", "install", "shutdown")
