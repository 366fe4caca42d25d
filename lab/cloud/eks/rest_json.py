"""The base class of the responses of EKS and EKS Auth: how a request is read, checked, authorized and answered.

The order is: the request is read (404 UnknownOperationException, 400 SerializationException), its input is checked
against botocore's model (400), the caller is authorized (403), and the operation runs. Authorization therefore reads
only input that the model allows.
"""

from __future__ import annotations

import logging
from typing import Any

from moto.core.model import OperationModel
from moto.core.request import Request
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.eks import errors
from lab.cloud.input_validation import find_input_error
from lab.cloud.rest_json_requests import OperationMatch, SerializationError, match_operation, read_input

_log = logging.getLogger(__name__)

_INVALID_INPUT = (
    errors.InvalidParameterException,
    errors.InvalidRequestException,
    errors.BadRequestException,
    errors.ClientException,
)


class RestJsonResponse(BaseResponse):
    """Reads a request by botocore's model, once: `params` has the members of the input shape and nothing else."""

    def __init__(self, service_name: str) -> None:
        super().__init__(service_name=service_name)
        self.automated_parameter_parsing = True
        self.allow_request_decompression = False
        self._match: OperationMatch | None = None

    def setup_class(
        self,
        request: Request,
        full_url: str | None = None,
        headers: Any = None,
        use_raw_body: bool | None = None,  # noqa: FBT001 - moto's own signature
    ) -> None:
        """Read the request. Every body is read as JSON: moto would read a form's fields as parameters."""
        assert not use_raw_body, "moto's dispatcher of these services does not set it"
        request.environ["CONTENT_TYPE"] = "application/json"
        try:
            self._match = match_operation(get_service_model(self.boto3_service_name), request.method, request.raw_path)
            if self._match is None:
                raise _framework_error("UnknownOperationException", "The operation does not exist", status=404)
            super().setup_class(request, full_url, headers, use_raw_body=True)
        except SerializationError as error:
            raise _framework_error("SerializationException", str(error)) from error

    def parse_parameters(self, request: Request) -> None:
        assert self._match is not None
        self.params = read_input(self._match.operation, self._match.labels, request.args, request.get_data())

    def _get_action(self) -> str:
        return self.operation.name

    @property
    def operation(self) -> OperationModel:
        assert self._match is not None, "setup_class was not called"
        return self._match.operation

    def call_action(self) -> Any:
        """Run the operation. Return an error if the lab does not implement it, or if it raises an exception."""
        try:
            self._check_model()
            return super().call_action()
        except NotImplementedError:
            message = (
                f"The lab does not implement {self.service_name}:{self.operation.name}. Use a real cluster for it."
            )
            return self._answer(self.declared_error(message, errors.InvalidRequestException, errors.ClientException))
        except (errors.EksError, HTTPException) as error:
            return self._answer(error)
        except Exception as error:  # noqa: BLE001 - a service returns an error response for every exception
            _log.exception("%s:%s", self.service_name, self.operation.name)
            message = f"{type(error).__name__}: {error}"
            return self._answer(self.declared_error(message, errors.ServerException, errors.InternalServerException))

    def _check_model(self) -> None:
        if message := find_input_error(self.boto3_service_name, self.operation.name, self.params):
            raise self.invalid_input(message)

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        super()._authenticate_and_authorize_normal_action(resource)
        self.check_input()

    def check_input(self) -> None:
        """Check what the model does not say. `call_action` calls this for an authorized caller."""

    def _answer(self, error: Exception) -> Any:
        if isinstance(error, HTTPException):
            raise error
        status, headers, body = self.serialized(ActionResult(error))
        headers["status"] = str(status)
        return status, headers, body

    def declared_error(self, message: str, *candidates: type[errors.EksError]) -> Exception:
        """Return the first of `candidates` that botocore's model declares for this operation, with `message`.

        If it declares none, return the ValidationException of AWS's framework, which no model declares.
        """
        names = {shape.name for shape in self.operation.error_shapes}
        matching = (candidate for candidate in candidates if candidate.__name__ in names)
        error_class = next(matching, None)
        return _framework_error("ValidationException", message) if error_class is None else error_class(message)

    def invalid_input(self, message: str) -> Exception:
        """Return the error with which this operation rejects its input."""
        return self.declared_error(message, *_INVALID_INPUT)

    def param(self, name: str, default: Any = None) -> Any:
        """Return an input member by its name in botocore's model, from the URL, the query or the body."""
        return self.params.get(name, default)


def _framework_error(code: str, message: str, *, status: int = 400) -> AwsErrorResponse:
    return AwsErrorResponse("rest-json", code, message, status=status)
