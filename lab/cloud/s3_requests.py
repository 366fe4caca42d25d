"""Form of S3 requests: the bucket in the host, and uploads in chunks.

`normalize` returns the same request with the bucket in the path and the body in one piece.
"""

from __future__ import annotations

import io
import re

from moto.core.request import Request

from lab.cloud.aws_errors import AwsErrorResponse

_HOST = re.compile(
    r"^(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack|fips))?(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d|external-1))?"
    r"\.amazonaws\.com(?:\.cn)?$"
)
_CHUNK_HEADER = re.compile(rb"(?P<size>[0-9a-fA-F]+)(?:;[^\r\n]*)?\r\n")


def normalize(request: Request) -> Request:
    """Return `request` in path style, with its body decoded.

    Raises:
        AwsErrorResponse: the host is not an endpoint of S3's buckets, or the chunks of the body are malformed.
    """
    match = _HOST.match(request.host.partition(":")[0].lower())
    if match is None:
        message = f"The lab does not implement the S3 endpoint {request.host}: use s3.<region>.amazonaws.com"
        raise AwsErrorResponse("s3", "NotImplemented", message, status=400)
    environ = dict(request.environ)
    path = request.raw_path
    if match["bucket"]:
        path = f"/{match['bucket']}{path}"
    query = request.query_string.decode("latin-1")
    environ |= {"HTTP_HOST": "s3.amazonaws.com", "RAW_URI": f"{path}?{query}" if query else path}
    body = request.get_data()
    if request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        body, trailers = _decode_chunks(body)
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in trailers.items()}
        encodings = [part.strip() for part in environ.pop("HTTP_CONTENT_ENCODING", "").split(",")]
        encoding = ",".join(part for part in encodings if part and part != "aws-chunked")
        if encoding:
            environ["HTTP_CONTENT_ENCODING"] = encoding
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    return Request(environ)


def _decode_chunks(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the content of a body with the encoding `aws-chunked`, and its trailers."""
    chunks: list[bytes] = []
    position = 0
    while True:
        header = _CHUNK_HEADER.match(body, position)
        if header is None:
            raise AwsErrorResponse("s3", "IncompleteBody", "The chunks of the body are malformed", status=400)
        size = int(header["size"], 16)
        start = header.end()
        if size == 0:
            return b"".join(chunks), _read_trailers(body[start:])
        if body[start + size : start + size + 2] != b"\r\n":
            raise AwsErrorResponse("s3", "IncompleteBody", "The chunks of the body are malformed", status=400)
        chunks.append(body[start : start + size])
        position = start + size + 2


def _read_trailers(text: bytes) -> dict[str, str]:
    trailers = {}
    for line in text.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.lower().startswith("x-amz-checksum-"):
            trailers[name.strip().lower()] = value.strip()
    return trailers
