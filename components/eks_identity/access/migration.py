"""Migration of a cluster from aws-auth to access entries. docs/adr/0008 explains why it is one resource."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.access.migration_runner import MigrationRunner
from eks_identity.clusters.connections import ClusterInput, connection_of, parse_connection
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import arns, names
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.runtime import credentials
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import (
    EksIdentityProvider,
    Properties,
    check_result,
    cluster_changes,
    has_other_credentials,
    has_unknowns,
    print_message,
    provider_reference,
    remember_credentials,
)
from eks_identity.runtime.inputs import Inputs, parsed_by

_INPUTS = ("cluster_name", "region", "kubeconfig", "target_mode", "principals", "accept_loss_of")
_STATE_FIELDS = (*_INPUTS, "run", "cluster_arn", "credentials")
_OUTPUTS = ("plan", "not_migrated", "authentication_mode", "created_entries")


class AuthenticationModeMigrationArgs(TypedDict):
    """The target mode of a cluster's migration, and the access that may be lost."""

    cluster: ClusterInput
    """`Cluster.connection`. The caller needs permission to read aws-auth, and to change the cluster and its access
    entries."""
    target_mode: pulumi.Input[str]
    """`API_AND_CONFIG_MAP`, where EKS reads both, or `API`, where EKS ignores aws-auth. A cluster
    cannot go back to an earlier mode (EKS)."""
    principals: NotRequired[dict[str, pulumi.Input[str]]]
    """Full ARNs, with their path, by the ARNs in aws-auth: for roles of other accounts, which this account's IAM does
    not have. Roles of the cluster's own account are looked up in IAM."""
    accept_loss_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs as in aws-auth that get no access entry, account ids of `mapAccounts`, and groups, such as `system:…`, that
    are removed from the created entries: they may lose their access in mode `API`."""


def _parse_target_mode(text: str) -> str:
    mode = AuthenticationMode.parse(text)
    if mode is AuthenticationMode.CONFIG_MAP:
        rule = "must be a later mode than CONFIG_MAP: a cluster cannot go back to an earlier mode (EKS)"
        raise InvalidInput([Problem("", rule, text, "write API_AND_CONFIG_MAP, or API")])
    return mode.value


def _parse_accepted_loss(name: str) -> str:
    """Return a name as aws-auth has it. The provider verifies that aws-auth has it."""
    if not names.text(name) or name != name.strip():
        rule = "must be an ARN, an account id or a group as in aws-auth"
        raise InvalidInput([Problem("", rule, name, "remove it, or copy it from the plan")])
    return name


def _parse_full_arn(arn: str, full: str) -> str:
    principal = Principal.parse(full)
    if not arns.same_arn(principal.aws_auth_arn, arn):
        rule = "must be the ARN, with its path, of the same principal as in aws-auth"
        raise InvalidInput([Problem("", rule, full, f"write the full ARN of {arn}")])
    return principal.arn


@dataclass(frozen=True)
class _Options:
    """The inputs that do not depend on another one."""

    target_mode: pulumi.Input[str] = parsed_by(_parse_target_mode)
    accept_loss_of: Sequence[str] = parsed_by(_parse_accepted_loss, each=True, default=())


class AuthenticationModeMigration(
    EksIdentityResource,
    provider=provider_reference("AuthenticationModeMigrationProvider"),
    secrets=["kubeconfig", "credentials"],
):
    """Migrates a cluster from `CONFIG_MAP` through `API_AND_CONFIG_MAP` to `API`, with the access of every mapping.

    A preview reads the cluster and shows the plan: each entry of aws-auth with the access entry that replaces it, of
    the same username and groups, and what no access entry can replace. An update changes the mode to
    `API_AND_CONFIG_MAP`, creates the entries and reads them back; with `target_mode: API` it then reads aws-auth again
    and changes the mode to `API`. Existing access entries stay unchanged; where one has other values, the plan shows
    both. After a failure the next update continues the migration.

    `system:masters` becomes the access policy AmazonEKSClusterAdminPolicy for the whole cluster; members of that group
    have no access between the creation of their entry and the association of the policy. Node roles get entries of
    their nodes' type. EKS itself creates an entry for the cluster's creator, with another username. No access entry can
    replace other `system:` groups, usernames that access entries do not accept, empty usernames, `mapAccounts`, and
    roles whose path is not known; a principal with an existing access entry of its own loses nothing.

    Rejected, at preview and again before the write: mode `API` while aws-auth has anything that would be lost and that
    `accept_loss_of` does not name, or while the caller has access by aws-auth only; and an earlier mode.

    Deletion changes nothing. The created entries stay; `ClusterAccess` with `adopt` adopts them. For a cluster of the
    same program, set the new mode in its `create` too, after `pulumi refresh`.
    """

    plan: pulumi.Output[list[str]]
    """Changes that the migration made or, in a preview, will make: a line for each entry of aws-auth and each change of
    mode."""
    not_migrated: pulumi.Output[list[str]]
    """ARNs, account ids and groups in aws-auth without an access entry, as `accept_loss_of` accepts them."""
    authentication_mode: pulumi.Output[str]
    """The cluster's current mode. Resources that depend on the migration read it here, not from the connection."""

    @overload
    def __init__(
        self, resource_name: str, args: AuthenticationModeMigrationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Unpack[AuthenticationModeMigrationArgs],
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: AuthenticationModeMigrationArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'AuthenticationModeMigration "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, AuthenticationModeMigrationArgs) as inputs:
            cluster = connection_of(args["cluster"])
            parse_connection(inputs, cluster)
            options = inputs.read(_Options)
            principals = {
                arn: inputs.parse(f"principals.{arn}", full, partial(_parse_full_arn, arn))
                for arn, full in args.get("principals", {}).items()
            }
        props = {
            "cluster_name": cluster["name"],
            "region": cluster["region"],
            "cluster_arn": cluster["arn"],
            "credentials": credentials.resource_credentials(opts),
            "kubeconfig": cluster["kubeconfig"],
            "target_mode": options.target_mode,
            "principals": principals,
            "accept_loss_of": options.accept_loss_of,
            "plan": None,
            "not_migrated": None,
            "authentication_mode": None,
        }
        super().__init__(resource_name, props, opts)


class AuthenticationModeMigrationProvider(EksIdentityProvider):
    """The dynamic provider of `AuthenticationModeMigration`. The resource's id is `<region>/<cluster>`."""

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Read the cluster, add the plan to the inputs, so that the preview shows it, and reject invalid migrations."""
        remember_credentials(news)
        if has_unknowns([news.get(name) for name in (*_INPUTS, "credentials")]):
            return CheckResult({**news, "plan": UNKNOWN, "not_migrated": UNKNOWN}, [])
        try:
            runner = MigrationRunner(news, self.credentials(news))
            status = runner.read_status()
        except InvalidInput as error:
            return check_result(news, error.problems)
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            reason, _, fix = str(error).partition("\n  fix: ")
            rule = f"must be readable, because the plan is read from the cluster:\n    {reason}"
            return check_result(news, [Problem("cluster", rule, news["cluster_name"], fix or "run this again")])
        is_done = bool(_olds) and not status.pending and not cluster_changes(_olds, news)
        lost = [left.name for left in status.plan.not_migrated]
        inputs = {
            **news,
            "authentication_mode": news["target_mode"],
            "pending": status.pending,
            # Counts the updates with pending changes, so that the state differs from the inputs until they are made.
            "run": _olds.get("run", 0) + bool(status.pending),
            # After the last change the state keeps the plan of the update that made it.
            "plan": _olds.get("plan", []) if is_done else status.lines(),
            "not_migrated": _olds.get("not_migrated", []) if is_done else lost,
        }
        if status.pending:
            print_message("\n  ".join([f"{news['cluster_name']}, authentication mode {status.mode}:", *status.lines()]))
        return check_result(inputs, runner.problems(status))

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Return a replacement for another cluster, and else a change while the cluster has pending changes.

        A refresh calls this too, with the inputs of the last update, whose changes are made.
        """
        replaces = cluster_changes(_olds, _news)
        is_changed = any(_olds.get(name) != _news.get(name) for name in (*_INPUTS, "run", "cluster_arn"))
        return DiffResult(bool(replaces) or is_changed or has_other_credentials(_olds, _news), replaces)

    def create(self, props: Properties) -> CreateResult:
        """Run the migration from the cluster's current mode."""
        return CreateResult(f"{props['region']}/{props['cluster_name']}", self._run(props))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Return the cluster's current mode, and the plan of the state."""
        mode = MigrationRunner(props, self.kept_credentials(props)).get_mode()
        if mode is None:
            return ReadResult("", {})
        return ReadResult(id_, {**_select(props, *_STATE_FIELDS, *_OUTPUTS), "authentication_mode": mode.value})

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Continue the migration from the cluster's current mode."""
        return UpdateResult(self._run(_news, _olds))

    def delete(self, _id: str, _props: Properties) -> None:
        """Change nothing: EKS does not allow an earlier mode, and the created entries stay in use."""

    def _run(self, props: Properties, olds: Properties | None = None) -> Properties:
        done = MigrationRunner(props, self.credentials(props)).run()
        lines, not_migrated = done.lines, done.not_migrated
        if olds and not props.get("pending"):
            lines, not_migrated = olds.get("plan", lines), olds.get("not_migrated", not_migrated)
        # No output of the resource: `eks-pipeline drift` reads it from the state.
        created = {entry["principal_arn"]: entry for entry in (olds or {}).get("created_entries", [])}
        created |= {entry.principal_arn: entry.access() for entry in done.created}
        outputs = {
            "plan": lines,
            "not_migrated": not_migrated,
            "authentication_mode": done.mode.value,
            "created_entries": list(created.values()),
        }
        return {**_select(props, *_STATE_FIELDS), **outputs}


def _select(props: Properties, *names: str) -> Properties:
    return {name: props[name] for name in names if props.get(name) is not None}
