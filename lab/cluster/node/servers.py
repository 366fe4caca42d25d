"""HTTP servers on loopback, on the node's event loop, without threads and timers of their own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from starlette.applications import Starlette

from .instance import HOST_IP


class LoopbackServer:
    """Serves one application on a free port of 127.0.0.1 until it is closed."""

    def __init__(self) -> None:
        self._socket = socket.create_server((HOST_IP, 0), backlog=128)
        self._server: asyncio.Server | None = None
        self._state = ServerState()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{HOST_IP}:{self.port}"

    async def start(self, application: Starlette, tls: ssl.SSLContext | None = None) -> None:
        """Start to serve `application`.

        With `tls`, `state.peer` of a request is the client's certificate in `ssl`'s format.
        """
        config = uvicorn.Config(
            application, http="h11", lifespan="off", log_config=None, access_log=False, proxy_headers=False
        )
        config.load()

        def protocol() -> asyncio.Protocol:
            return _Protocol(config=config, server_state=self._state, app_state={})

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(protocol, sock=self._socket, ssl=tls)

    async def close(self) -> None:
        """Stop listening, and close every open connection."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)


class _Protocol(H11Protocol):
    """Uvicorn's protocol, which also passes the client's certificate to the application."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {"peer": transport.get_extra_info("peercert")}
