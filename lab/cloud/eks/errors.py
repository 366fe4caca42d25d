"""The errors of EKS and EKS Auth, with the codes and members of AWS's API.

ServiceException (moto)
└── EksError                            code from botocore's model; members in addition to `message`
    ├── ResourceNotFoundException       404
    ├── ResourceInUseException          409
    ├── InvalidParameterException       400  the value is not valid
    ├── InvalidRequestException         400  the cluster's state does not allow the request
    ├── ClientException                 400
    ├── ServerException                 500
    ├── InternalServerException         500  EKS Auth only
    ├── NotFoundException               404  tagging calls only
    ├── BadRequestException             400  tagging calls only
    ├── InvalidTokenException           400  EKS Auth only
    ├── ExpiredTokenException           400  EKS Auth only
    └── AccessDeniedException           400  EKS Auth only
"""

# The classes have the names of AWS's errors.
# ruff: noqa: N818

from __future__ import annotations

from moto.core.exceptions import ServiceException


class EksError(ServiceException):
    """An error of the service. botocore's model determines its serialization by its code.

    `cluster`, `nodegroup` and `addon` are the names of the affected resources, if the model has such a member.
    """

    def __init__(
        self, message: str, *, cluster: str | None = None, nodegroup: str | None = None, addon: str | None = None
    ) -> None:
        super().__init__(type(self).__name__, message)
        self.clusterName = cluster
        self.nodegroupName = nodegroup
        self.addonName = addon


class ResourceNotFoundException(EksError):
    """A resource in the request does not exist."""


class ResourceInUseException(EksError):
    """The resource already exists, or another resource or update uses it."""


class InvalidParameterException(EksError):
    """A value is not valid for the operation."""


class InvalidRequestException(EksError):
    """The current state of the cluster does not allow the operation."""


class ClientException(EksError):
    """The client's request cannot be performed."""


class ServerException(EksError):
    """The service failed to perform the operation."""


class InternalServerException(EksError):
    """EKS Auth failed to perform the operation."""


class NotFoundException(EksError):
    """TagResource, UntagResource and ListTagsForResource: no resource has this ARN."""


class BadRequestException(EksError):
    """TagResource, UntagResource and ListTagsForResource: the ARN is not an ARN of EKS."""


class InvalidTokenException(EksError):
    """The token is not a valid token of this cluster, or the pod to which it is bound does not exist."""


class ExpiredTokenException(EksError):
    """The token has expired."""


class AccessDeniedException(EksError):
    """EKS Auth is not authorized to assume the role."""
