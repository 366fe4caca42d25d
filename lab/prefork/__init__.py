"""Starts Python programs as forks of a process that has imported what they need.

Importing Pulumi's SDK and boto3 takes about a second of processor time, several times what a stand-in plugin then
does in one operation of the engine. A server (`lab.prefork.server`) imports once; a client (`lab.prefork.client`) takes
the place of each program, and gives the server its arguments, environment, folder and streams. Where no server answers,
the client becomes the program itself, as if there were no server.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
CLIENT = FOLDER / "client.py"
SERVER = FOLDER / "server.py"
