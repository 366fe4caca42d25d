"""The errors that EKS and EKS Auth answer with, so that a caller reads the code and the words it would read from AWS.

ServiceException (moto)
└── EksError                            code from botocore's model; members that EKS sets beside `message`
    ├── ResourceNotFoundException       404
    ├── ResourceInUseException          409
    ├── InvalidParameterException       400  the value is wrong
    ├── InvalidRequestException         400  the value is right, the cluster's state is not
    ├── ClientException                 400
    ├── ServerException                 500
    ├── NotFoundException               404  tagging calls only
    ├── BadRequestException             400  tagging calls only
    ├── InvalidTokenException           400  EKS Auth only
    ├── ExpiredTokenException           400  EKS Auth only
    └── AccessDeniedException           400  EKS Auth only
"""

# The classes bear the names that AWS gives the errors.
# ruff: noqa: N818

from __future__ import annotations

from moto.core.exceptions import ServiceException


class EksError(ServiceException):
    """An error of the service, serialized by its code as botocore's model says.

    `cluster`, `nodegroup` and `addon` name what the error is about, where the model has such a member.
    """

    def __init__(
        self, message: str, *, cluster: str | None = None, nodegroup: str | None = None, addon: str | None = None
    ) -> None:
        super().__init__(type(self).__name__, message)
        self.clusterName = cluster
        self.nodegroupName = nodegroup
        self.addonName = addon


class ResourceNotFoundException(EksError):
    """What the request names does not exist."""


class ResourceInUseException(EksError):
    """It exists already, or something else still needs it."""


class InvalidParameterException(EksError):
    """A value breaks a rule of the operation."""


class InvalidRequestException(EksError):
    """The cluster, as it is now, does not allow the operation."""


class ClientException(EksError):
    """The caller asked for what cannot be done here."""


class ServerException(EksError):
    """The service could not do what it should."""


class NotFoundException(EksError):
    """TagResource, UntagResource and ListTagsForResource: no resource has this ARN."""


class BadRequestException(EksError):
    """TagResource, UntagResource and ListTagsForResource: the ARN is not one of EKS."""


class InvalidTokenException(EksError):
    """The token is not one of this cluster's, or the pod that it is bound to is gone."""


class ExpiredTokenException(EksError):
    """The token was good once."""


class AccessDeniedException(EksError):
    """The role does not let EKS Auth assume it."""
