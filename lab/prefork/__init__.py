"""Start Python programs as forks of a process that has already imported their modules.

Importing Pulumi's SDK and boto3 takes about a second of processor time, several times as much as the rest of one
operation of a stand-in plugin. A server (`lab.prefork.server`) imports once. A client (`lab.prefork.client`) replaces
each program: it sends the server its arguments, environment, folder and streams. Without a server the client executes
the program itself.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
CLIENT = FOLDER / "client.py"
SERVER = FOLDER / "server.py"
