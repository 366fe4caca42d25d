"""The access entry of one principal in EKS: read, compared with the properties of an `AccessEntry`, and written."""

from eks_identity import clients
from eks_identity.errors import AwsError, InvalidInput, Problem
from eks_identity.model.access_entries import EntryType
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.runtime.dynamic_provider import Properties


class LiveAccessEntry:
    """The access entry of the principal in `props`, as it is in EKS now. Every method raises `AwsError`."""

    def __init__(self, props: Properties, credentials: str) -> None:
        self._props = props
        self._principal: str = props["principal_arn"]
        self._api = clients.EksApi.of(props, credentials)

    def read(self) -> ExistingEntry | None:
        """Return the entry; None if the mode has no access entries, or the cluster does not exist."""
        mode = self._api.get_authentication_mode()
        if mode is None or not mode.reads_access_entries:
            return None
        return self._api.describe_access_entry(self._principal)

    def create(self) -> bool:
        """Create the entry with the values of the properties. Return False if one exists."""
        tags = self._props.get("tags")
        return self._api.create_access_entry(
            self._principal,
            type=EntryType.STANDARD.value,
            username=self._props["username"],
            kubernetesGroups=self._props["groups"],
            **({"tags": tags} if tags else {}),  # EKS's model has no empty map of tags
        )

    def update(self, old_tags: Properties) -> None:
        """Write in place what differs from the properties. Of the tags in `old_tags` remove those that they lack."""
        entry = self._api.describe_access_entry(self._principal)
        reject_other_type(entry)
        assert entry is not None
        if not self._has_identity(entry):
            self._api.update_access_entry(self._principal, self._props["username"], self._props["groups"])
        tags = self._props.get("tags") or {}
        new = {key: value for key, value in tags.items() if entry.tags.get(key) != value}
        self._api.update_tags(entry.arn, new, [key for key in old_tags if key not in tags and key in entry.tags])

    def delete(self) -> None:
        """Delete the entry. An absent entry or cluster is no error."""
        if self._api.get_authentication_mode() is not None:
            self._api.delete_access_entry(self._principal)

    def read_back(self) -> ExistingEntry:
        """Return the entry that was written. Raise `AwsError` if EKS has other values."""
        entry = self._api.describe_access_entry(self._principal)
        if entry is None or not self._has_identity(entry):
            raise AwsError(
                f"access entry of {self._principal} in {self._props['cluster_name']} was written as "
                f"{describe(self._props)}, and EKS returns {entry or 'no entry'}\n  fix: find and stop the other "
                "writer of the entry, and run this again"
            )
        return entry

    def _has_identity(self, entry: ExistingEntry) -> bool:
        declared = self._props["username"], sorted(self._props["groups"])
        return (entry.username, sorted(entry.groups)) == declared


def reject_other_type(entry: ExistingEntry | None) -> None:
    """Raise `InvalidInput` for an entry of another type than STANDARD."""
    if entry is not None and entry.type != EntryType.STANDARD:
        rule = f"must have no access entry of another type than STANDARD: it has one of type {entry.type}, for nodes, "
        rule += "and EKS cannot change the type"
        fix = "pass another principal; nodes need that entry to join the cluster"
        raise InvalidInput([Problem("principal_arn", rule, entry.principal_arn, fix)])


def unreadable_entry_problem(principal: str, error: AwsError) -> Problem:
    """Return the problem of a principal whose existing entry cannot be read."""
    reason, _, fix = str(error).partition("\n  fix: ")
    rule = f"must be compared with the existing access entry, which cannot be read:\n    {reason}"
    return Problem("principal_arn", rule, principal, fix or "run this again")


def describe(props: Properties) -> str:
    """Return username, groups and tags of the properties, for messages."""
    return f"username {props['username']!r}, groups {props['groups']}, tags {props.get('tags') or {}}"
