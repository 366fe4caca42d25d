"""Node.js in the lab's environment: the AWS SDK for JavaScript, and clients of node:https, node:http2 and fetch."""

import json
import os
import shutil
import subprocess

import pytest

from lab.interfaces import NODE_OPTIONS, clean_environment
from support.cloud_helpers import allow, client, new_role, read_credentials, trust_policy, unique_name
from support.javascript_sdk import NODES, install_packages

PACKAGES = ("@aws-sdk/client-sts@3.1177.0", "@aws-sdk/client-s3@3.1175.0", "@aws-sdk/client-eks@3.1175.0")
BLOCKED = "Forbidden: the lab's proxy serves AWS hosts only (HTTPS, port 443) and blocks example.com:443"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the AWS SDK for JavaScript, installed outside of the lab."""
    folder = tmp_path_factory.mktemp("node")
    install_packages(folder, *PACKAGES)
    return folder


@pytest.fixture(scope="module", params=[name for name, node in NODES.items() if node])
def run(request, cloud, project):
    """A function that runs a program in the lab's environment and returns the completed process."""

    def call(program, caller=None, **variables):
        key = caller or cloud.administrator
        environment = {**clean_environment(os.environ), **cloud.access.environment(), "HOME": str(project)}
        environment |= {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}
        environment |= {"AWS_SESSION_TOKEN": key.session_token} if key.session_token else {}
        command = [NODES[request.param], "--input-type=module", "--eval", program]
        return subprocess.run(
            command, cwd=project, env=environment | variables, capture_output=True, text=True, timeout=60, check=False
        )

    return call


def output(completed):
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


IDENTITY = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const sts = new STSClient({});
const calls = Array.from({ length: 30 }, () => sts.send(new GetCallerIdentityCommand({})));
console.log(JSON.stringify([...new Set((await Promise.all(calls)).map((response) => response.Arn))]));
"""


def test_javascript_sdk_reaches_the_lab(cloud, run):
    """The AWS SDK for JavaScript v3 reaches the lab's STS without a setting in the program, also concurrently."""
    assert output(run(IDENTITY)) == [f"arn:aws:iam::{cloud.account}:user/lab-admin"]


def test_javascript_sdk_with_a_session(cloud, run):
    """The SDK signs with a session's credentials, and receives the access-denied errors of each protocol."""
    role = new_role(cloud, trust_policy({"AWS": cloud.account}), allow("s3:ListAllMyBuckets"))
    session = read_credentials(client(cloud, "sts").assume_role(RoleArn=role, RoleSessionName="node"))
    program = """
import { S3Client, ListBucketsCommand } from "@aws-sdk/client-s3";
import { EKSClient, ListClustersCommand } from "@aws-sdk/client-eks";
const buckets = await new S3Client({}).send(new ListBucketsCommand({}));
const error = await new EKSClient({}).send(new ListClustersCommand({})).catch((error) => error);
console.log(JSON.stringify([buckets.$metadata.httpStatusCode, error.name, error.message]));
"""
    status, name, message = output(run(program, session))
    assert (status, name) == (200, "AccessDeniedException")
    assert "is not authorized to perform: eks:ListClusters" in message


def test_javascript_sdk_transfers_large_objects(cloud, run):
    """An object of twenty megabytes is uploaded and downloaded unchanged."""
    bucket = unique_name("bucket")
    client(cloud, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    program = """
import { S3Client, PutObjectCommand, GetObjectCommand } from "@aws-sdk/client-s3";
import { randomBytes } from "node:crypto";
const s3 = new S3Client({}), object = { Bucket: process.env.BUCKET, Key: "large" }, body = randomBytes(20_000_000);
await s3.send(new PutObjectCommand({ ...object, Body: body }));
const response = await s3.send(new GetObjectCommand(object));
console.log(JSON.stringify(body.equals(Buffer.from(await response.Body.transformToByteArray()))));
"""
    assert output(run(program, BUCKET=bucket)) is True


OTHER_CLIENTS = """
import https from "node:https";
import http2 from "node:http2";
import tls from "node:tls";
import { connect } from "node:tls";
const { HOST } = process.env;
const failed = (emitter) => new Promise((resolve) => emitter.on("error", (error) => resolve(error.message)));
console.log(JSON.stringify({
  https: await failed(https.get(`https://${HOST}/`)),
  agent: await failed(https.get(`https://${HOST}/`, { agent: new https.Agent({ keepAlive: true }) })),
  http2: await failed(http2.connect(`https://${HOST}`)),
  tls: await failed(tls.connect(443, HOST)),
  imported: await failed(connect({ host: HOST, port: 443 })),
  fetch: await fetch(`https://${HOST}/`).catch((error) => error.cause.message),
}));
"""


def test_other_hosts_are_blocked_for_every_client_of_node(run):
    """A host that the lab does not serve fails with the proxy's reason, through every client of Node.js."""
    errors = output(run(OTHER_CLIENTS, HOST="example.com"))
    assert errors == dict.fromkeys(errors, f"example.com:443: {BLOCKED}")
    assert len(errors) == 6


def test_stopped_proxy_fails_clearly(run):
    """Without the proxy, a connection fails with an error that names the lab's proxy, and does not reach AWS."""
    errors = output(run(OTHER_CLIENTS, HOST="sts.amazonaws.com", HTTPS_PROXY="http://127.0.0.1:9"))
    assert errors == dict.fromkeys(errors, "The lab's proxy http://127.0.0.1:9: connect ECONNREFUSED 127.0.0.1:9")


def test_hosts_in_no_proxy_are_reached_directly(run):
    """Hosts in NO_PROXY and connections over an existing socket do not use the proxy."""
    program = """
import https from "node:https";
const error = await new Promise((resolve) => https.get("https://127.0.0.1:9/").on("error", resolve));
console.log(JSON.stringify(error.message));
"""
    assert output(run(program)) == "connect ECONNREFUSED 127.0.0.1:9"


def test_program_ends_with_its_last_request(run):
    """An idle connection of a keep-alive agent does not keep the program running."""
    program = """
import https from "node:https";
const agent = new https.Agent({ keepAlive: true });
https.get("https://sts.amazonaws.com/", { agent }, (response) => {
  response.resume().on("end", () => console.log(JSON.stringify(response.statusCode)));
});
"""
    assert output(run(program)) == 403


def test_path_with_spaces(run, tmp_path):
    """NODE_OPTIONS quotes the path of the file, so that it can have spaces."""
    folder = tmp_path / 'a "b" c'
    folder.mkdir()
    path = NODE_OPTIONS.removeprefix("--require ")
    copy = shutil.copy(json.loads(path), folder)
    options = f"--require {json.dumps(str(copy))}"
    assert output(run(IDENTITY, NODE_OPTIONS=options))
