"""A local server with GitLab's REST API for notes, of merge request 3 of project octo-org/infra/clusters."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        notes = self.server.notes if query.get("sort") == ["asc"] else self.server.notes[::-1]
        self.reply(notes[size * (page - 1) : size * page])

    def do_POST(self):
        self.reply(self.server.add(self.body()), 201)

    def do_PUT(self):
        note = self.server.notes[int(self.path.rpartition("/")[2]) - 1]
        note["body"] = self.body()
        self.reply(note)

    def body(self):
        self.server.writes.append(self.command)
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def reply(self, document, status=200):
        is_known = urlsplit(self.path).path.startswith(NOTES)
        is_allowed = is_known and self.headers["PRIVATE-TOKEN"] == "right"
        content = json.dumps(document if is_allowed else {"message": "404 Not found"}).encode()
        self.send_response(status if is_allowed else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
