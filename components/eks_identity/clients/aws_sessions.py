"""botocore clients for the library's own calls to AWS, with the credentials of an aws provider, and their errors."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.loaders import Loader, create_loader

from eks_identity.errors import AwsDeniedError, AwsError, AwsUnreachableError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "ExpiredTokenException"}
_DENIED |= {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "OptInRequired"}
_FILES = {"sharedConfigFiles": "config_file", "sharedCredentialsFiles": "credentials_file"}
_SECONDS = {"h": 3_600, "m": 60, "s": 1}


class AwsClients:
    """The clients of one region and one set of credentials. Each client, and the credential search, is created once."""

    def __init__(self, region: str, credentials: str) -> None:
        """Read `credentials`, the JSON text of `model.credentials.select_settings`."""
        self._region = region
        self._settings: dict[str, Any] = json.loads(credentials)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of an AWS service, such as `eks`."""
        with aws_errors(f"no client of {service}"):
            if service not in self._clients:
                self._clients[service] = self._session.create_client(service, **self._options(service))
            return self._clients[service]

    @cached_property
    def caller(self) -> tuple[str, str]:
        """Account and ARN of the caller: the session's ARN if a role was assumed."""
        with aws_errors("cannot get the caller's identity"):
            identity = self.client("sts").get_caller_identity()
        return identity["Account"], identity["Arn"]

    @cached_property
    def _session(self) -> Any:
        core = botocore.session.Session(profile=self._settings.get("profile"))
        core.register_component("data_loader", _service_models(core.get_config_variable("data_path")))
        for key, variable in _FILES.items():
            match self._settings.get(key, []):
                case []:
                    pass
                case [file]:
                    core.set_config_variable(variable, file)
                case files:
                    raise AwsDeniedError(
                        f"{key} of the aws provider has {len(files)} files, and the library's own calls to AWS read "
                        "only one\n  fix: merge the files into one, and set that file in the aws provider"
                    )
        core.register_component("credential_provider", _Chain(core, self._settings, partial(self._sts, core)))
        return core

    def _sts(self, core: Any, service: str, **keys: Any) -> Any:
        return core.create_client(service, **{**self._options(service), **keys})

    def _options(self, service: str) -> dict[str, Any]:
        proxies = {scheme: self._settings.get(f"{scheme}Proxy") for scheme in ("http", "https")}
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            proxies={scheme: url for scheme, url in proxies.items() if url} or None,
            use_fips_endpoint=self._settings.get("useFipsEndpoint"),
            use_dualstack_endpoint=self._settings.get("useDualstackEndpoint"),
        )
        return {
            "region_name": self._settings.get("stsRegion", self._region) if service == "sts" else self._region,
            "endpoint_url": next(
                (urls[service] for urls in self._settings.get("endpoints", []) if urls.get(service)), None
            ),
            "verify": False if self._settings.get("insecure") else self._settings.get("customCaBundle"),
            "config": config,
        }


@cache
def _service_models(folders: str | None) -> Loader:
    """Load AWS's service models once in a process: each botocore session would read some MB of JSON again."""
    return create_loader(folders)


@cache
def aws_clients(region: str, credentials: str) -> AwsClients:
    """Return the process's clients of this region and these credentials."""
    return AwsClients(region, credentials)


class _Chain:
    """Replaces botocore's credential search: keys of the provider or botocore's search, then each role to assume."""

    def __init__(self, core: Any, settings: Mapping[str, Any], sts: Any) -> None:
        self._botocore_search = core.get_component("credential_provider")
        self._settings = settings
        self._sts = sts

    def load_credentials(self) -> Any:
        web = self._settings.get("assumeRoleWithWebIdentity")
        if web:
            fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
                self._sts, partial(_token, web), web["roleArn"], extra_args=_role_options(web)
            )
            current: Any = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")
        elif "accessKey" in self._settings:
            current = Credentials(
                self._settings["accessKey"], self._settings.get("secretKey", ""), self._settings.get("token")
            )
        else:
            current = self._botocore_search.load_credentials()
        for role in self._settings.get("assumeRoles", []):
            if current is None:
                raise NoCredentialsError
            assumed = AssumeRoleCredentialFetcher(self._sts, current, role["roleArn"], extra_args=_role_options(role))
            current = DeferredRefreshableCredentials(assumed.fetch_credentials, "assume-role")
        return current


def _token(web: Mapping[str, Any]) -> str:
    return web.get("webIdentityToken") or Path(web["webIdentityTokenFile"]).expanduser().read_text().strip()


def _role_options(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of AssumeRole besides the role's ARN."""
    options = {
        "RoleSessionName": role.get("sessionName"),
        "ExternalId": role.get("externalId"),
        "DurationSeconds": _seconds(role.get("duration", "")),
        "Policy": role.get("policy"),
        "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or []],
        "SourceIdentity": role.get("sourceIdentity"),
        "Tags": [{"Key": key, "Value": value} for key, value in (role.get("tags") or {}).items()],
        "TransitiveTagKeys": role.get("transitiveTagKeys"),
    }
    return {key: value for key, value in options.items() if value}


def _seconds(duration: str) -> int:
    """Return the seconds of a duration in Go's notation, such as `1h30m`. 0 for an empty text."""
    return sum(int(float(number) * _SECONDS[unit]) for number, unit in re.findall(r"([\d.]+)(h|m(?!s)|s)", duration))


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Raise exceptions of botocore as an `AwsError` with `what` failed, the reason and the fix."""
    try:
        yield
    except ClientError as error:
        reason = f"{what}: {error_code(error)}: {error.response['Error'].get('Message', '')}"
        if error_code(error) in _DENIED:
            action = error.operation_name
            raise AwsDeniedError(
                f"{reason}\n  fix: run this as an IAM principal that may do {action}, with valid credentials"
            ) from error
        raise AwsError(f"{reason}\n  fix: fix the cause that AWS reports above, and run this again") from error
    except HTTPClientError as error:
        raise AwsUnreachableError(f"{what}: {error}\n  fix: run this from where AWS's API can be reached") from error
    except BotoCoreError as error:
        raise AwsDeniedError(
            f"{what}: {error}\n  fix: set AWS credentials in the environment, in the aws provider that is passed in "
            "opts.providers, or in the profile that eks-identity:profile names in the stack's config "
            "(in Python programs also aws:profile); `aws sts get-caller-identity` shows whether they work"
        ) from error


def error_code(error: ClientError) -> str:
    """Return the error code of AWS."""
    return str(error.response.get("Error", {}).get("Code", ""))
