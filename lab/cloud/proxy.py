"""The only way into the lab's AWS, and the wall around it: an HTTP proxy on loopback.

Programs reach AWS by its real host names, with `HTTPS_PROXY` and a certificate authority and no other setting. For a
name of AWS the proxy ends TLS itself and hands the bytes on to the lab's server as they are. Every other host is
refused in words, so that a program inside the lab's environment cannot reach anything real.

One thread with an event loop serves all connections. The proxy reads the head of one request; what flows afterwards is
not parsed, so keep-alive, uploads of any size and slow clients need nothing of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading

import h11

from lab.cloud.certificates import HostCertificates, is_aws
from lab.errors import StartError

log = logging.getLogger(__name__)

TLS_PORT = 443
_HEAD_TIMEOUT = 30.0
"""Seconds that a client may take for its first request and the TLS handshake."""
_CHUNK = 64 * 1024


class Proxy:
    """Listens on a free port of the loopback interface; hands on to `upstream_port`."""

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
        """Returns when the proxy accepts connections.

        Raises:
            StartError: it cannot listen.
        """
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise StartError(
                f"The lab's proxy cannot listen on 127.0.0.1: {self._failure}", fix="allow programs to open local ports"
            ) from self._failure

    def stop(self) -> None:
        """Close every connection; returns when the thread has ended."""
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
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
            task.add_done_callback(lambda _: writer.close())  # one that is cancelled before it begins closes nothing

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
                host = await self._admit(reader, writer)
                if host is None:
                    return
                await writer.start_tls(self._certificates.context(host), ssl_handshake_timeout=_HEAD_TIMEOUT)
            await self._hand_on(reader, writer)
        except (OSError, TimeoutError, ssl.SSLError, h11.RemoteProtocolError) as error:
            log.debug("proxy: a connection ended: %r", error)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            await _close(writer)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
        """Answer the first request: the host to stand in for, or None where it was refused."""
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
        if event.method == b"CONNECT" and is_aws(host) and port == str(TLS_PORT):
            writer.write(
                connection.send(h11.Response(status_code=200, headers=[], reason=b"Connection Established")) or b""
            )
            await writer.drain()
            return host
        await _refuse(reader, writer, connection, _reason(event.method, target))
        return None

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        sending = asyncio.ensure_future(_pump(reader, upstream_writer, half_close=True))
        try:
            await _pump(upstream_reader, writer, half_close=False)
        finally:
            sending.cancel()
            upstream_writer.close()  # before the first await: `stop` may cancel this task in any of them
            await asyncio.gather(sending, return_exceptions=True)
            await _close(upstream_writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, half_close: bool) -> None:
    """Copy until `reader` ends, at the speed of the slower side."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if half_close:
        writer.write_eof()


async def _refuse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: h11.Connection, reason: str
) -> None:
    """403 with the reason in the status line too: most clients show that, and not the body."""
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
    # Closing with unread data would reset the connection, and the client might lose the answer.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while await reader.read(_CHUNK):
                continue


def _reason(method: bytes, target: str) -> str:
    shown = target[:200]
    if method != b"CONNECT":
        return f"the lab's proxy serves HTTPS to AWS only, not {method.decode('latin-1')} {shown}"
    return f"the lab stands in for AWS only (HTTPS, port {TLS_PORT}), and lets nothing reach {shown}"


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close, and give the other side a second to agree."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, TimeoutError, ssl.SSLError):
        writer.transport.abort()
