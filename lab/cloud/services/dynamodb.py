"""Enforced operations of Amazon DynamoDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from moto.dynamodb.parsing.partiql import get_query_metadata

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.backends import tags_of
from lab.cloud.services.rules import (
    Requirement,
    Resolver,
    Service,
    any_of,
    call_variables,
    check_arn,
    members,
    names,
)

_TRANSACT_ACTIONS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_STATEMENT_ACTIONS = {
    "insert": "PartiQLInsert",
    "update": "PartiQLUpdate",
    "delete": "PartiQLDelete",
}
_WRITE_STATEMENT = re.compile(
    r'\s*(?P<verb>insert\s+into|update|delete\s+from)\s+(?P<table>"[^"]+"|[\w-]+)(?=\s|$)', re.IGNORECASE
)
"""A statement that writes names one table, after its verb."""


def _table_arn(call: ApiCall, table: str) -> str:
    table_type = resource_types("dynamodb")["table"]
    if table.startswith("arn:"):
        check_arn(call, table, [table_type])
        return table
    return table_type.fill({**call_variables(call), "TableName": table})


def _batch_tables(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    for table in call.params.get("RequestItems") or {}:
        yield _table_arn(call, str(table))


def _index_or_table(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    """Yield the index that a query reads, which needs no permission on the table, or the table."""
    table = _table_arn(call, str(call.params.get("TableName") or ""))
    index = call.params.get("IndexName")
    yield f"{table}/index/{index}" if index else table


def _transaction(call: ApiCall) -> Iterable[Requirement]:
    """Yield the action on each item of a transaction."""
    for item in call.params.get("TransactItems") or ():
        for kind, part in item.items():
            yield Requirement(f"dynamodb:{_TRANSACT_ACTIONS[kind]}", _table_arn(call, str(part["TableName"])))


def _statements(call: ApiCall) -> Iterable[Requirement]:
    """Yield the action on each table of the PartiQL statements."""
    entries: list[Any] = [call.params]
    for member in ("Statements", "TransactStatements"):
        entries += call.params.get(member) or ()
    for statement in [str(entry["Statement"]) for entry in entries if "Statement" in entry]:
        match = _WRITE_STATEMENT.match(statement)
        tables = [match["table"]] if match else _selected_tables(call, statement)
        action = _STATEMENT_ACTIONS[match["verb"].split()[0].lower()] if match else "PartiQLSelect"
        for table in tables:
            yield Requirement(f"dynamodb:{action}", _partiql_arn(call, table))


def _selected_tables(call: ApiCall, statement: str) -> list[str]:
    """Return the tables of a SELECT statement, read by the parser with which moto executes it."""
    try:
        metadata = get_query_metadata(statement)
        tables = [str(table) for table in metadata.get_table_names()] if metadata.is_select_query() else []
    except Exception as error:
        raise call.error("ValidationException", f"Statement wasn't well formed: {error!r}") from error
    if not tables:
        raise call.error("ValidationException", f"The lab cannot read the table of the statement {statement}")
    return tables


def _partiql_arn(call: ApiCall, name: str) -> str:
    """Return the ARN of a table (`"a"`) or of an index (`"a"."b"`)."""
    table, _, index = (part.strip('"') for part in name.partition('"."' if name.startswith('"') else "."))
    arn = _table_arn(call, table)
    return f"{arn}/index/{index}" if index else arn


_QUERY: dict[str, Resolver] = {"table": _index_or_table}

DYNAMODB = Service(
    name="dynamodb",
    prefix="dynamodb",
    signing_name="dynamodb",
    backend="dynamodb",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html",
    operations=names(
        "BatchExecuteStatement BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable DescribeTable "
        "DescribeTimeToLive ExecuteStatement ExecuteTransaction GetItem ListTables ListTagsOfResource PutItem Query "
        "Scan TagResource TransactGetItems TransactWriteItems UntagResource UpdateItem UpdateTable UpdateTimeToLive"
    ),
    resources={"table": any_of(members(TableName="TableName || ResourceArn"), _batch_tables)},
    operation_resources={"Query": _QUERY, "Scan": _QUERY},
    # Permissions of transactions and PartiQL statements are those of each of their parts:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
    requirements={
        "BatchExecuteStatement": _statements,
        "ExecuteStatement": _statements,
        "ExecuteTransaction": _statements,
        "TransactGetItems": _transaction,
        "TransactWriteItems": _transaction,
    },
    tagging={"CreateTable": "TagResource"},
    list_tags=tags_of("dynamodb"),
    accepts=lambda request: request.headers.get("X-Amz-Target", "").startswith("DynamoDB_20120810."),
)
