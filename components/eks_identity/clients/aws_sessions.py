"""boto3's clients for the library's own calls, by the credentials that an aws provider says, and errors in words."""

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

from eks_identity.errors import AwsError, AwsRefusedError, AwsUnreachableError

_REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "ExpiredTokenException"}
_REFUSED |= {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "OptInRequired"}
_FILES = {"sharedConfigFiles": "config_file", "sharedCredentialsFiles": "credentials_file"}
_SECONDS = {"h": 3_600, "m": 60, "s": 1}


class Clients:
    """The clients of one region and one set of credentials, each made once; so finding credentials is, too."""

    def __init__(self, region: str, credentials: str) -> None:
        """`credentials` as `model.credentials.said` writes them."""
        self._region = region
        self._said: dict[str, Any] = json.loads(credentials)
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        with explained(f"no client of {service}"):
            if service not in self._made:
                self._made[service] = self._session.create_client(service, **self._options(service))
            return self._made[service]

    @cached_property
    def caller(self) -> tuple[str, str]:
        """Account and ARN of whose credentials these are; a session's ARN, where a role was assumed."""
        with explained("the caller's identity cannot be asked"):
            said = self.client("sts").get_caller_identity()
        return said["Account"], said["Arn"]

    @cached_property
    def _session(self) -> Any:
        core = botocore.session.Session(profile=self._said.get("profile"))
        core.register_component("data_loader", _service_models(core.get_config_variable("data_path")))
        for key, variable in _FILES.items():
            match self._said.get(key, []):
                case []:
                    pass
                case [file]:
                    core.set_config_variable(variable, file)
                case files:
                    raise AwsRefusedError(
                        f"{key} of the aws provider names {len(files)} files, and what this library asks of AWS itself "
                        "reads one of them\n  fix: put what is needed into one file, and name that"
                    )
        core.register_component("credential_provider", _Chain(core, self._said, partial(self._sts, core)))
        return core

    def _sts(self, core: Any, service: str, **keys: Any) -> Any:
        return core.create_client(service, **{**self._options(service), **keys})

    def _options(self, service: str) -> dict[str, Any]:
        proxies = {scheme: self._said.get(f"{scheme}Proxy") for scheme in ("http", "https")}
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            proxies={scheme: url for scheme, url in proxies.items() if url} or None,
            use_fips_endpoint=self._said.get("useFipsEndpoint"),
            use_dualstack_endpoint=self._said.get("useDualstackEndpoint"),
        )
        return {
            "region_name": self._said.get("stsRegion", self._region) if service == "sts" else self._region,
            "endpoint_url": next(
                (each[service] for each in self._said.get("endpoints", []) if each.get(service)), None
            ),
            "verify": False if self._said.get("insecure") else self._said.get("customCaBundle"),
            "config": config,
        }


@cache
def _service_models(folders: str | None) -> Loader:
    """Load AWS's service models once in a process: each botocore session would read some MB of JSON again."""
    return create_loader(folders)


@cache
def clients(region: str, credentials: str) -> Clients:
    """Those of a process."""
    return Clients(region, credentials)


class _Chain:
    """Stands in for botocore's own search: keys, or what that search finds, and each role that is assumed by them."""

    def __init__(self, core: Any, said: Mapping[str, Any], sts: Any) -> None:
        self._found = core.get_component("credential_provider")
        self._said = said
        self._sts = sts

    def load_credentials(self) -> Any:
        web = self._said.get("assumeRoleWithWebIdentity")
        if web:
            fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
                self._sts, partial(_token, web), web["roleArn"], extra_args=_asked(web)
            )
            held: Any = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")
        elif "accessKey" in self._said:
            held = Credentials(self._said["accessKey"], self._said.get("secretKey", ""), self._said.get("token"))
        else:
            held = self._found.load_credentials()
        for role in self._said.get("assumeRoles", []):
            if held is None:
                raise NoCredentialsError
            assumed = AssumeRoleCredentialFetcher(self._sts, held, role["roleArn"], extra_args=_asked(role))
            held = DeferredRefreshableCredentials(assumed.fetch_credentials, "assume-role")
        return held


def _token(web: Mapping[str, Any]) -> str:
    return web.get("webIdentityToken") or Path(web["webIdentityTokenFile"]).expanduser().read_text().strip()


def _asked(role: Mapping[str, Any]) -> dict[str, Any]:
    """What STS is asked for beside the role's ARN."""
    asked = {
        "RoleSessionName": role.get("sessionName"),
        "ExternalId": role.get("externalId"),
        "DurationSeconds": _seconds(role.get("duration", "")),
        "Policy": role.get("policy"),
        "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or []],
        "SourceIdentity": role.get("sourceIdentity"),
        "Tags": [{"Key": key, "Value": value} for key, value in (role.get("tags") or {}).items()],
        "TransitiveTagKeys": role.get("transitiveTagKeys"),
    }
    return {key: value for key, value in asked.items() if value}


def _seconds(duration: str) -> int:
    """A duration as Go writes them, such as `1h30m`; 0 where there is none."""
    return sum(int(float(number) * _SECONDS[unit]) for number, unit in re.findall(r"([\d.]+)(h|m(?!s)|s)", duration))


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what botocore raises into an `AwsError` that says `what` could not be done, why, and the way out."""
    try:
        yield
    except ClientError as error:
        reason = f"{what}: {code(error)}: {error.response['Error'].get('Message', '')}"
        if code(error) in _REFUSED:
            action = error.operation_name
            raise AwsRefusedError(
                f"{reason}\n  fix: run this as an IAM principal that may do {action}, with credentials that are valid"
            ) from error
        raise AwsError(f"{reason}\n  fix: what AWS says above is the reason; mend it, and run this again") from error
    except HTTPClientError as error:
        raise AwsUnreachableError(f"{what}: {error}\n  fix: run this from where AWS's API can be reached") from error
    except BotoCoreError as error:
        raise AwsRefusedError(
            f"{what}: {error}\n  fix: give AWS credentials in the environment, in the aws provider that is passed in "
            "opts.providers, or in the profile of eks-identity:profile in the stack's config "
            "(aws:profile does in Python programs too); `aws sts get-caller-identity` shows whether they work"
        ) from error


def code(error: ClientError) -> str:
    """AWS's word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))
