"""A local server with GitLab's REST API for notes, of merge request 3 of project octo-org/infra/clusters."""

import json
import threading
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support.json_requests import JsonRequestHandler

NOTES = "/api/v4/projects/octo-org%2Finfra%2Fclusters/merge_requests/3/notes"


class GitLab(ThreadingHTTPServer):
    """The notes of the merge request, oldest first, and the methods that changed them."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.notes = []
        self.writes = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def add(self, body):
        self.notes.append({"id": len(self.notes) + 1, "body": body})
        return self.notes[-1]


class Handler(JsonRequestHandler):
    def do_GET(self):  # noqa: N802
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        notes = self.server.notes if query.get("sort") == ["asc"] else self.server.notes[::-1]
        self.reply(notes[size * (page - 1) : size * page])

    def do_POST(self):  # noqa: N802
        self.reply(self.server.add(self.body()), 201)

    def do_PUT(self):  # noqa: N802
        note = self.server.notes[int(self.path.rpartition("/")[2]) - 1]
        note["body"] = self.body()
        self.reply(note)

    def body(self):
        self.server.writes.append(self.command)
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def reply(self, document, status=200):
        is_known = urlsplit(self.path).path.startswith(NOTES)
        is_allowed = is_known and self.headers["PRIVATE-TOKEN"] == "right"
        if is_allowed:
            self.respond(status, document)
        else:
            self.respond(404, {"message": "404 Not found"})
