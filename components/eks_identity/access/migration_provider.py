"""Plan at preview, act in the update, keep after: what is behind the resource `AuthenticationModeMigration`."""

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.access.migration_runner import Migration
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.runtime.dynamic_provider import (
    PlainProvider,
    Properties,
    another_cluster,
    is_unknown,
    note,
    other_credentials,
    refused,
    say,
)

_ASKED = ("cluster_name", "region", "kubeconfig", "target_mode", "principals", "accept_loss_of")
_KEPT = (*_ASKED, "run", "cluster_arn", "credentials")
_OUTPUTS = ("plan", "not_migrated", "authentication_mode")


class AuthenticationModeMigrationProvider(PlainProvider):
    """One cluster's way to another authentication mode. The resource's id is `<region>/<cluster>`."""

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Reads the cluster, and puts what is to be done into the inputs, for the preview to show; refuses the rest."""
        note(news)
        if is_unknown([news.get(name) for name in (*_ASKED, "credentials")]):
            return CheckResult({**news, "plan": UNKNOWN, "not_migrated": UNKNOWN}, [])
        try:
            migration = Migration(news, self.credentials(news))
            survey = migration.survey()
        except InvalidInput as refusal:
            return refused(news, refusal.problems)
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            rule = f"what is to be done is read off the cluster:\n    {error}"
            return refused(news, [Problem("cluster", rule, news["cluster_name"], "mend that, and run this again")])
        done = bool(_olds) and not survey.pending and not another_cluster(_olds, news)
        inputs = {
            **news,
            "authentication_mode": news["target_mode"],
            "pending": survey.pending,
            # The runs that had something to do, counted: what was carried out bears the number of what was asked for.
            "run": _olds.get("run", 0) + bool(survey.pending),
            # When nothing is left to do, what was done stays to be read.
            "plan": _olds.get("plan", []) if done else survey.lines(),
            "not_migrated": _olds.get("not_migrated", []) if done else [left.name for left in survey.plan.not_migrated],
        }
        if survey.pending:
            say("\n  ".join([f"{news['cluster_name']}, authentication mode {survey.mode}:", *survey.lines()]))
        return refused(inputs, migration.refusals(survey))

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """There is something to do as long as the cluster says so; another cluster is another migration.

        A refresh asks too, with the inputs of the run before, which were carried out.
        """
        replaces = another_cluster(_olds, _news)
        differs = any(_olds.get(name) != _news.get(name) for name in (*_ASKED, "run", "cluster_arn"))
        return DiffResult(bool(replaces) or differs or other_credentials(_olds, _news), replaces)

    def create(self, props: Properties) -> CreateResult:
        """Goes all the way, from wherever the cluster is."""
        return CreateResult(f"{props['region']}/{props['cluster_name']}", self._carried_out(props))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """The mode that the cluster has now; the plan stays as it was carried out."""
        mode = Migration(props, self.kept_credentials(props)).mode()
        if mode is None:
            return ReadResult("", {})
        return ReadResult(id_, {**_of(props, *_KEPT, *_OUTPUTS), "authentication_mode": mode.value})

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Goes on from wherever the cluster is."""
        return UpdateResult(self._carried_out(_news, _olds))

    def delete(self, _id: str, _props: Properties) -> None:
        """Changes nothing: modes go one way, and the entries stay for whoever uses them."""

    def _carried_out(self, props: Properties, olds: Properties | None = None) -> Properties:
        lines, not_migrated, mode = Migration(props, self.credentials(props)).carry_out()
        if olds and not props.get("pending"):
            lines, not_migrated = olds.get("plan", lines), olds.get("not_migrated", not_migrated)
        outputs = {"plan": lines, "not_migrated": not_migrated, "authentication_mode": mode.value}
        return {**_of(props, *_KEPT), **outputs}


def _of(props: Properties, *names: str) -> Properties:
    return {name: props[name] for name in names if props.get(name) is not None}
