"""Contract of every component: no secret is printed or stored unencrypted, for every input and every error."""

import asyncio
import functools
import json
import re
import traceback
import typing
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
import yaml

from eks_identity.clients import aws_auth as aws_auth_config_map
from eks_identity.clients import aws_sessions, eks_api, kubernetes_api
from eks_identity.errors import AwsError, ClusterError, InvalidInput, Problem
from eks_identity.evaluation.rbac import Rbac
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.associations import Association
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.plugin.exports import served_resources
from eks_identity.redaction import Redactor
from eks_identity.runtime import diagnostics, resource_hooks
from eks_identity.testing import wire
from support.component_contract import declare, sample
from support.component_program import ISSUER, Cloud, PluginError
from support.kubeconfig_documents import with_credentials
from support.sample_args import COMPONENTS, SAMPLES, at, changed, keys, places, shape_of

MARK = "zq7xmark"
NUMBER = 987654321
WRONG = [f"{MARK} (.*[ 'x\" \\\n{MARK.upper()}/\tß)!", NUMBER, [f"{MARK}_[0]"], {f"{MARK}-key": MARK}, True]
"""Secrets that no input takes: with characters of regular expressions, quotes and lines; of each type."""


def is_input(annotation):
    return typing.get_origin(annotation) is typing.Union and annotation in {
        pulumi.Input[str],
        pulumi.Input[int],
        pulumi.Input[bool],
    }


INPUTS = [
    (name, path)
    for name in COMPONENTS
    if name in SAMPLES
    for path, annotation in keys(shape_of(COMPONENTS[name]))
    if is_input(annotation)
]
MAPPINGS = [
    (name, (*path, "key"))
    for name in COMPONENTS
    if name in SAMPLES
    for path, annotation in keys(shape_of(COMPONENTS[name]))
    if typing.get_origin(annotation) is dict and is_input(typing.get_args(annotation)[1])
]
"""Mappings of names to inputs: one of their values is the secret."""


def where(name, path):
    """Return the first sample with a value at `path`, and the place of the value."""
    if path[-1] == "key":
        index, place = where(name, path[:-1])
        return index, (*place, next(iter(at(sample(name, index), place))))
    return next((index, place) for index, args in enumerate(SAMPLES[name]) for place in places(args, path))


@pytest.fixture
def printed(monkeypatch):
    """Return the list of all messages that programs print by `pulumi.log`."""
    messages: list[str] = []

    def keep(message, *_args, **_options):
        messages.append(message)

    for level in ("debug", "info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, keep)
    return messages


def leaks(found: Any) -> list[str]:
    """Return the texts of `found` that contain a marked value."""
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    return [text] if MARK in text.lower() or str(NUMBER) in text or f"{NUMBER:,}" in text else []


def in_plain(deployment):
    """Yield all properties of a deployment that the engine stores unencrypted."""
    for resource in deployment.resources:
        yield wire.without_secrets(resource.request.object)
        if resource.registered_outputs is not None:
            yield wire.without_secrets(resource.registered_outputs)


def found_leaks(name, args, printed, **options):
    """Return the texts with a marked value when a component is declared with these args, rejected or not."""
    printed.clear()
    shown: list[Any] = []
    try:
        deployment = declare(name, args, **options)
        shown += in_plain(deployment)
    except Exception as error:  # noqa: BLE001 - whatever a user would see
        shown.append("".join(traceback.format_exception(error)))
    return [leak for each in [*shown, *printed] for leak in leaks(each)]


@pytest.mark.parametrize(("name", "path"), [*INPUTS, *MAPPINGS], ids=lambda value: str(value)[:60])
def test_no_error_shows_an_invalid_secret(name, path, printed):
    """Neither an error nor a warning contains a secret input that is not valid, whatever its type."""
    index, place = where(name, path)
    # Which texts there are differs by form and not by type, so each input gets some of the types.
    others = WRONG[1:] if path[-1] in {"arn", "kubeconfig"} else (WRONG[3], NUMBER)
    for value in (WRONG[0], *others):
        args = functools.partial(lambda value: changed(sample(name, index), place, pulumi.Output.secret(value)), value)
        assert not found_leaks(name, args, printed, preview=True)


def marked(value):
    """Return a valid value with the mark in it: that of the sample, as far as possible."""
    if not isinstance(value, str):
        return value
    return value.replace("1", MARK) if value.startswith("{") else f"{value.removesuffix('=')}{MARK}"


class Denying(Cloud):
    """AWS denies every request, with a message that repeats its arguments."""

    def invoke(self, function, args):
        if function in {"getPartition", "getRegion"}:
            return super().invoke(function, args)
        raise PluginError(f"AccessDenied: {function} of {json.dumps(dict(args), default=str)}")


USER = "arn:aws:iam::111122223333:user/eks-ope"
NEW_INPUTS = {
    "namespace": "shop",
    "serviceAccount": "cart",
    "metadata": {"namespace": "shop", "name": "cart"},
    "clusterName": "eks-clu",
    "principalArn": USER,
    "arn": USER,
    "type": "STANDARD",
    "kubernetesGroups": ["other"],
    "assumeRolePolicy": "sts:TagSession",
    "url": ISSUER,
}
"""What the engine tells hooks of a new resource, of whatever type. Secret inputs it tells as Outputs."""
OLD = {"assumeRolePolicy": "pods.eks.amazonaws.com"}, {"arn": "arn:aws:iam::111122223333:role/cart"}
ENTRY = {"type": "STANDARD", "userName": "other", "kubernetesGroups": ["other"], "principalArn": USER}
MAPPED = f"- userarn: {USER}\n  username: other\n  groups: [other]\n"


def repeating(error):
    """Return a function that raises an error with every argument in its message."""

    def denied(*args, **options):
        raise error(f"forbidden: {[getattr(each, '__dict__', each) for each in args]} {options}")

    return denied


@pytest.fixture
def hooked(request, monkeypatch, printed):
    """Run each hook of a program: its requests are denied, or every object that it looks up exists."""
    made: list[Any] = []
    create = resource_hooks._ProgramHook.__init__

    def remembered(self, name):
        create(self, name)
        made.append(self)

    monkeypatch.setattr(resource_hooks._ProgramHook, "__init__", remembered)
    results = {
        (eks_api.EksApi, "list_pod_identity_associations"): lambda *_: {"cart": "a-1", "till": "a-1"},
        (eks_api.EksApi, "describe_pod_identity_association"): lambda self, id_: Association(
            self.name, id_, "arn:x", None, None
        ),
        (eks_api.EksApi, "get_pod_identity_role"): lambda *_: OLD[1]["arn"],
        (kubernetes_api, "list_field_managers"): lambda *_: {"cart": ["kubectl"], "reader": []},
        (aws_auth_config_map.AwsAuthConfigMap, "__init__"): lambda *_: None,
        (aws_auth_config_map.AwsAuthConfigMap, "read"): lambda *_: AwsAuth.parse({"mapUsers": MAPPED}),
    }
    for (owner, name), result in results.items():
        denied = repeating(AwsError if owner is eks_api.EksApi else ClusterError)
        monkeypatch.setattr(owner, name, denied if request.param == "denied" else result)

    async def run():
        await asyncio.sleep(0)
        for _child, check, context in [item for hook in made for checks in hook.checks.values() for item in checks]:
            args = pulumi.ResourceHookArgs("urn", "id", "name", "type", NEW_INPUTS, OLD[0], None, OLD[1])
            try:
                await asyncio.create_task(resource_hooks._run_check(check, args), context=context)
            except Exception as error:  # noqa: BLE001 - whatever a user would see
                printed.append("".join(traceback.format_exception(error)))
        made.clear()

    cloud = Denying() if request.param == "denied" else Cloud(getAccessEntry=ENTRY)
    return run, cloud


RIGHT = [
    ("denied", *each)
    for each in [*INPUTS, *MAPPINGS]
    if each[0] not in served_resources() or each[1][-1] == "kubeconfig"
] + [("found", name, path) for name, path in INPUTS if name in {"ClusterAccess", "OidcProvider", "WorkloadIdentity"}]
"""Components that look up existing objects. Own resources are tested by their providers."""


@pytest.mark.parametrize(("hooked", "name", "path"), RIGHT, indirect=["hooked"], ids=lambda value: str(value)[:60])
def test_no_error_shows_a_valid_secret(name, path, printed, hooked):
    """Nothing shows a valid secret: if requests are denied, if objects exist, after duplicates, and on success."""
    index, place = where(name, path)
    run, cloud = hooked
    value = marked(at(sample(name, index), place))

    def args():
        return changed(sample(name, index), place, pulumi.Output.secret(value))

    def twice():
        found = args()
        COMPONENTS[name]("first", found, pulumi.ResourceOptions(providers=[k8s.Provider("first-k8s", kubeconfig="{}")]))
        return found

    def with_hooks():
        pulumi.export("hooks", pulumi.Output.from_input("").apply(lambda _: run()))
        return args()

    assert not found_leaks(name, twice, printed, preview=True)
    assert not found_leaks(name, with_hooks, printed, cloud=cloud)


def own_properties(name, key=None):
    """Return the inputs of one of the library's own resources as its provider gets them; `key` is a marked secret."""
    index, place = where(name, (key,)) if key else (0, ())
    found = sample(name, index)
    if key:
        value = at(found, place)
        secret = [f"{each}{MARK}" for each in value] if isinstance(value, list) else f"{value}{MARK}"
        secret = dict.fromkeys(value, MARK) if isinstance(value, dict) else secret

        def args():
            late = {each: pulumi.Output.secret(one) for each, one in secret.items()} if isinstance(secret, dict) else 0
            late = late or ([pulumi.Output.secret(each) for each in secret] if isinstance(secret, list) else None)
            return changed(found, place, late or pulumi.Output.secret(secret))

    deployment = declare(name, args if key else found)
    return next(dict(each.inputs) for each in deployment.resources if each.kind == name)


PROPERTIES = {
    "LockoutGuard": ["principals", "administrators", "allow_lockout_of"],
    "AccessEntry": ["principal_arn", "username", "groups", "tags", "allow_lockout_of"],
    "AuthenticationModeMigration": ["accept_loss_of"],
    "AwsAuthMapping": ["arn", "username", "groups", "allow_lockout_of"],
}
"""Inputs of the library's own resources that may hold a secret of the right form."""


def test_every_own_resource_has_properties_here():
    """A new resource of the library must be listed here."""
    assert PROPERTIES.keys() == served_resources().keys()


def everything_of(props):
    """Return a text with all properties in several spellings."""
    return f"{props} {json.dumps(props)} {str(props).upper()}"


class BrokenError(Exception):
    """An error that is none of the library's."""


def _raising(props):
    text = everything_of(props)

    def raised(error):
        def call(*_args, **_options):
            raise error

        return call

    return {
        "AWS denies": raised(AwsError(text)),
        "the API server forbids": raised(ClusterError(text)),
        "a rule is broken": raised(InvalidInput([Problem("x", text, props, text)], subject=text)),
        "a fault": raised(BrokenError(text)),
    }


def _finding(props):
    """Return a function that finds an existing access entry with the declared properties."""
    texts = [text for value in props.values() for text in ([value] if isinstance(value, str) else [])]
    entry = ExistingEntry(
        props.get("principal_arn", USER),
        username=" ".join(texts),
        groups=("a", *map(str, props.get("groups", []))),
        arn=USER,
    )
    return lambda *_args, **_options: entry


CALLS = {
    eks_api.EksApi: [
        "describe_cluster",
        "get_authentication_mode",
        "describe_access_entry",
        "list_access_entries",
        "create_access_entry",
        "update_access_entry",
        "update_tags",
        "delete_access_entry",
        "wait_until_active",
        "update_authentication_mode",
    ],
    eks_api.IamLookup: ["get_caller_identity", "get_role_arn", "get_user_arn"],
    aws_auth_config_map.AwsAuthConfigMap: ["__init__"],
}


def results_of(provider, props):
    """Yield what each call of the engine prints, raises and returns; secrets of a state are omitted."""
    own = dict(props)
    calls = [
        ("check", {}, own),
        ("check", {**own, "principals": [*own.get("principals", []), USER + "2"]}, {**own, "groups": ["changed"]}),
        ("create", own),
        ("read", "id", own),
        ("update", "id", {**own, "groups": ["before"]}, own),
        ("delete", "id", own),
    ]
    for method, *arguments in calls:
        try:
            result = getattr(provider, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever the engine would print
            yield "".join(traceback.format_exception(error))
            continue
        if method == "check":
            yield from (f"{each.property} {each.reason}" for each in result.failures)
            yield in_the_state(own, result.inputs)
        elif method in {"create", "read"}:
            yield result.id
            yield in_the_state(own, result.outs or {})
        elif method == "update":
            yield in_the_state(own, result.outs or {})


def in_the_state(props, outs):
    """Return the properties that the engine stores unencrypted: neither marked nor named like a secret input."""
    secret = {*props.get("__secret_inputs", ()), "kubeconfig", "credentials"}
    return wire.without_secrets({name: value for name, value in outs.items() if name not in secret})


def provider_leaks(name, props, monkeypatch, capsys):
    """Return the texts with a marked value of a provider, for every success and failure of its calls."""
    found: list[str] = []
    provider = served_resources()[name].provider.load()
    ways = [*_raising(props).values(), None]
    for way in ways:
        with monkeypatch.context() as patch:
            patch.setattr(aws_sessions.AwsClients, "caller", property(way) if way else (USER.split(":")[4], USER))
            for owner, methods in CALLS.items():
                for method in methods:
                    if way is not None:
                        patch.setattr(owner, method, way)
            if way is None:
                patch.setattr(
                    eks_api.EksApi,
                    "describe_cluster",
                    lambda *_: {"arn": "arn:aws:eks:ap-northeast-1:111122223333:cluster/eks-clu"},
                )
                for change in ("delete_access_entry", "wait_until_active", "update_authentication_mode"):
                    patch.setattr(eks_api.EksApi, change, lambda *_: None)
                for look_up in ("get_role_arn", "get_user_arn"):
                    patch.setattr(eks_api.IamLookup, look_up, lambda *_: USER)
                patch.setattr(
                    eks_api.EksApi, "get_authentication_mode", lambda *_: AuthenticationMode.API_AND_CONFIG_MAP
                )
                patch.setattr(eks_api.EksApi, "describe_access_entry", _finding(props))
                patch.setattr(eks_api.EksApi, "create_access_entry", lambda *_args, **_options: False)
                patch.setattr(eks_api.EksApi, "update_access_entry", lambda *_: None)
                patch.setattr(eks_api.EksApi, "update_tags", lambda *_: None)
                patch.setattr(eks_api.EksApi, "list_access_entries", lambda *_: [USER])
                patch.setattr(eks_api.IamLookup, "get_caller_identity", lambda *_: ("111122223333", USER))
                patch.setattr(aws_auth_config_map.AwsAuthConfigMap, "__init__", lambda *_: None)
                patch.setattr(kubernetes_api, "get_caller", lambda *_: None)
                patch.setattr(kubernetes_api, "is_caller_allowed", lambda *_: True)
                for read in ("read_cluster_rbac", "read_namespaced_rbac"):
                    patch.setattr(kubernetes_api, read, lambda *_: Rbac({}, {}))
                patch.setattr(aws_auth_config_map.AwsAuthConfigMap, "edit", lambda *_args, **_options: None)
                patch.setattr(
                    aws_auth_config_map.AwsAuthConfigMap, "read", lambda *_: AwsAuth.parse({"mapUsers": MAPPED})
                )
            for result in results_of(provider, props):
                found += leaks(result)
    output = capsys.readouterr()
    return found + leaks(output.err) + leaks(output.out)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys_ in PROPERTIES.items() for key in keys_])
def test_provider_shows_no_secret_input(name, key, monkeypatch, capsys):
    """No error, message, id or state of check, create, read, update and delete contains a secret input."""
    assert not provider_leaks(name, own_properties(name, key), monkeypatch, capsys)


CREDENTIALS = {
    "token": {"token": MARK},
    "password": {"username": "me", "password": f"{MARK}:/?"},
    "key": {"client-certificate-data": "Y2VydA==", "client-key-data": MARK},
    "environment": {"exec": {"command": "aws", "env": [{"name": "AWS_SESSION_TOKEN", "value": MARK}]}},
    "argument": {"exec": {"command": "oidc", "args": [f"--client-secret={MARK}", "--token", MARK]}},
    "auth-provider": {"auth-provider": {"name": "gcp", "config": {"access-token": MARK}}},
    "lines": {"token": f"{MARK}\n'{MARK}'"},
}


def written_kubeconfigs(user):
    """Yield kubeconfigs as users pass them, valid and not."""
    document = with_credentials(user)
    text = yaml.safe_dump(document)
    yield from (json.dumps(document), text, text + "\t: [", f"{text}users: [", json.dumps(document)[:-1])
    yield from (document, [document], {"kubeconfig": json.dumps(document)}, text.replace("server", "serve"))
    yield text.replace("current-context: a", f"current-context: {MARK}")


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_credentials_in_kubeconfigs_are_redacted(credentials):
    """Credentials are found in each form of the document, valid or not, and in messages that quote it."""
    for kubeconfig in written_kubeconfigs(CREDENTIALS[credentials]):
        problem = Problem("kubeconfig", "must not be that", kubeconfig, "pass another")
        assert not leaks(str(problem)), kubeconfig


@pytest.mark.parametrize(
    "late", [None, pulumi.Output.from_input, pulumi.Output.secret], ids=["plain", "late", "secret"]
)
@pytest.mark.parametrize("name", [name for name, path in INPUTS if path[-1] == "kubeconfig"])
def test_components_show_no_credentials_of_kubeconfigs(name, late, printed):
    """A kubeconfig as text, dict or Output, secret or not, valid or not, or in another input, shows no credentials."""
    path = next(path for component, path in INPUTS if component == name and path[-1] == "kubeconfig")
    _, place = where(name, path)
    right, *wrong = written_kubeconfigs(CREDENTIALS["lines"])
    tries = [(place, each) for each in (right, *wrong)]
    tries += [((*place[:-1], "arn"), right)] if len(place) > 1 else []
    for at_place, kubeconfig in tries:

        def args(kubeconfig=kubeconfig, at_place=at_place):
            return changed(sample(name, 0), at_place, late(kubeconfig) if late else kubeconfig)

        assert not found_leaks(name, args, printed, preview=True)


@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("name", PROPERTIES)
def test_provider_shows_no_credentials(name, credentials, monkeypatch, capsys):
    """Credentials of a kubeconfig and of an aws provider are redacted even if no input is marked as a secret."""
    props = own_properties(name)
    props["kubeconfig"] = json.dumps(with_credentials(CREDENTIALS[credentials]))
    if "cluster_name" in props:
        props["credentials"] = json.dumps({"accessKey": f"AKIA{MARK}", "secretKey": MARK, "token": MARK})
    assert not provider_leaks(name, props, monkeypatch, capsys)


@pytest.fixture
def leaking(monkeypatch):
    """Disable all redaction."""
    monkeypatch.setattr(Redactor, "redact", lambda _self, text: text)
    monkeypatch.setattr(Redactor, "redact_value", lambda _self, value: value)


@pytest.mark.parametrize("name", PROPERTIES)
def test_leak_of_a_provider_is_detected(name, leaking, monkeypatch, capsys):
    """Without redaction each resource shows its secret, so that the tests above can fail."""
    assert provider_leaks(name, own_properties(name, PROPERTIES[name][0]), monkeypatch, capsys)


@pytest.mark.parametrize(
    ("name", "path"), [("WorkloadIdentity", ("namespace",)), ("WorkloadIdentity", ("oidc_provider_arn",))]
)
def test_leak_of_a_component_is_detected(name, path, leaking, printed):
    """Without redaction a component shows its secret."""
    index, place = where(name, path)
    assert found_leaks(name, lambda: changed(sample(name, index), place, pulumi.Output.secret(WRONG[0])), printed)


def test_components_print_by_diagnostics_only():
    """Only `diagnostics` calls `pulumi.log`, because other code does not redact secrets."""
    folder = Path(diagnostics.__file__).parent
    guilty = [file for file in folder.rglob("*.py") if re.search(r"pulumi\.(log|info|warn|error)\b", file.read_text())]
    assert guilty == [Path(diagnostics.__file__)]
