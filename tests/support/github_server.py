"""A local server with GitHub's REST API for issue comments, of repository octo-org/clusters."""

import json
import re
import threading
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support.json_requests import JsonRequestHandler

PATH = re.compile(r"/repos/octo-org/clusters/issues/(?:(?P<number>\d+)/comments|comments/(?P<id>\d+))")


class GitHub(ThreadingHTTPServer):
    """The comments of pull request 12, and the requests that changed them."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments = []
        self.writes = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def add(self, body):
        number = len(self.comments) + 1
        self.comments.append({"id": number, "body": body, "html_url": f"https://github.example/comment/{number}"})
        return self.comments[-1]


class Handler(JsonRequestHandler):
    def do_GET(self):  # noqa: N802
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self.reply(self.server.comments[size * (page - 1) : size * page])

    def do_POST(self):  # noqa: N802
        self.reply(self.server.add(self.body()), 201)

    def do_PATCH(self):  # noqa: N802
        comment = self.server.comments[int(PATH.fullmatch(self.path)["id"]) - 1]
        comment["body"] = self.body()
        self.reply(comment)

    def body(self):
        self.server.writes.append(self.command)
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def reply(self, document, status=200):
        is_known = PATH.fullmatch(urlsplit(self.path).path)
        is_allowed = self.headers["Authorization"] == "Bearer right"
        if is_known and is_allowed:
            self.respond(status, document)
        else:
            self.respond(403 if is_known else 404, {"message": "no"})
