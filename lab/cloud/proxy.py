"""An HTTP proxy on the loopback interface, through which programs reach the lab's AWS and no other host.

Programs use AWS's real host names. Their only settings are `HTTPS_PROXY` and a certificate authority. For an AWS host
the proxy terminates TLS and forwards the bytes unchanged to the lab's server. For every other host it sends 403 with a
reason, so that a program in the lab's environment cannot reach a real service.

One thread with an event loop serves all connections. The proxy reads the head of the first request only. It does not
parse the bytes after it, so keep-alive, uploads of any size and slow clients need no code of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
import threading

import h11

from lab.cloud.certificates import HostCertificates, is_aws_host
from lab.errors import StartError

log = logging.getLogger(__name__)

TLS_PORT = 443
_HEAD_TIMEOUT = 30.0
"""Seconds. Limit for a client's first request and the TLS handshake."""
_CHUNK = 64 * 1024


class Proxy:
    """An HTTP proxy on a free port of the loopback interface that forwards to `upstream_port`."""

    def __init__(self, certificates: HostCertificates, upstream_port: int) -> None:
        self._certificates = certificates
        self._upstream_port = upstream_port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lab-proxy", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the proxy's thread and return when it accepts connections.

        Raises:
            StartError: the proxy cannot listen on a port.
        """
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise StartError(
                f"The lab's proxy cannot listen on 127.0.0.1: {self._failure}", fix="allow programs to open local ports"
            ) from self._failure

    def stop(self) -> None:
        """Close every connection and return when the thread has ended."""
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop is already closed
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _loop, context: log.debug("proxy: %s", context.get("message")))
        self._stopping = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._serve_connection(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)
            task.add_done_callback(lambda _: writer.close())  # a task cancelled before its first step closes nothing

        server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_TIMEOUT):
                host = await self._accept_connect(reader, writer)
                if host is None:
                    return
                await writer.start_tls(self._certificates.context(host), ssl_handshake_timeout=_HEAD_TIMEOUT)
            await self._forward(reader, writer)
        except (OSError, TimeoutError, ssl.SSLError, h11.RemoteProtocolError) as error:
            log.debug("proxy: a connection ended: %r", error)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            await _close(writer)

    async def _accept_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
        """Answer the first request. Return the AWS host of a CONNECT request, or None for a rejected request."""
        connection = h11.Connection(h11.SERVER)
        event = connection.next_event()
        while event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
            event = connection.next_event()
        if not isinstance(event, h11.Request):
            return None
        target = event.target.decode("latin-1")
        host, _, port = target.rpartition(":")
        host = host.lower()
        if event.method == b"CONNECT" and is_aws_host(host) and port == str(TLS_PORT):
            writer.write(
                connection.send(h11.Response(status_code=200, headers=[], reason=b"Connection Established")) or b""
            )
            await writer.drain()
            return host
        await _send_forbidden(reader, writer, connection, _forbidden_reason(event.method, target))
        return None

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        upload = asyncio.ensure_future(_copy(reader, upstream_writer, half_close=True))
        download = asyncio.ensure_future(_copy(upstream_reader, writer, half_close=False))
        try:
            await asyncio.wait((upload, download), return_when=asyncio.FIRST_COMPLETED)
            if upload.done() and upload.exception() is None:
                await asyncio.wait((download,))  # the client has sent all, and waits for the response
            # After a reset by the client the server would wait for the rest of the request forever.
            if download.done() and isinstance(download.exception(), ConnectionResetError):
                _reset(writer)  # the client sees what the server did
        finally:
            upload.cancel()
            download.cancel()
            upstream_writer.close()  # before the first await: `stop` can cancel this task in each await
            await asyncio.gather(upload, download, return_exceptions=True)
            await _close(upstream_writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, half_close: bool) -> None:
    """Copy bytes until `reader` ends, and wait for `writer` after each chunk."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if half_close:
        writer.write_eof()


async def _send_forbidden(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: h11.Connection, reason: str
) -> None:
    """Send 403 with the reason in the status line and in the body. Most clients show only the status line."""
    body = f"{reason}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    events = (
        h11.Response(status_code=403, headers=headers, reason=f"Forbidden: {reason}".encode("latin-1", "replace")),
        h11.Data(data=body),
        h11.EndOfMessage(),
    )
    writer.write(b"".join(connection.send(event) or b"" for event in events))
    await writer.drain()
    writer.write_eof()
    # Closing with unread data resets the connection, and the client can lose the response.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while await reader.read(_CHUNK):
                continue


def _forbidden_reason(method: bytes, target: str) -> str:
    short_target = target[:200]
    if method != b"CONNECT":
        return f"the lab's proxy serves HTTPS to AWS only, not {method.decode('latin-1')} {short_target}"
    return f"the lab's proxy serves AWS hosts only (HTTPS, port {TLS_PORT}) and blocks {short_target}"


def _reset(writer: asyncio.StreamWriter) -> None:
    """Send RST to the client."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close the connection. Abort it if the other side has not closed it after one second."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, TimeoutError, ssl.SSLError):
        writer.transport.abort()
