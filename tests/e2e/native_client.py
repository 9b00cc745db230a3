# SPDX-License-Identifier: Apache-2.0
"""A client of the native API, which holds every answer against the API's document, and daemons that serve it."""
import http.client
import json
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

import contract
import servers


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.json = json.loads(body) if body else None


class Daemon(servers.Outflow):
    """With the API on a free port of its own; `api` is what else is said about it, headers go with every request."""

    def __init__(self, directory, config="", api="", headers=None, **options):
        self.headers = headers or {}
        super().__init__(directory, f'api = {{ listeners = [ "http://127.0.0.1:0" ]; {api} }};\n{config}', **options)

    def start(self, env=None):
        (self.state_dir / "api").unlink(missing_ok=True)
        super().start(env)
        servers.wait_until(lambda: (self.state_dir / "api").exists() or not self.alive(), 20, "the API listens")
        self.url = (self.state_dir / "api").read_text().split()[0]
        servers.wait_until(lambda: self.get("/v1/pipelines").status == 200, 20, "the API answers")
        return self

    def call(self, method, path, body=None, **headers):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, method=method, headers={
            "Content-Type": "application/json", **self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return self.checked(method, path, answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as failure:
            return self.checked(method, path, failure.code, failure.headers, failure.read())

    @staticmethod
    def checked(method, path, status, headers, body):
        contract.check(method, path, status, headers.get("Content-Type"), body)
        return Answer(status, headers, body)

    def get(self, path, **query):
        return self.call("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))

    def look(self, name):
        return self.get(f"/v1/pipelines/{name}").json

    def wait_state(self, name, state):
        servers.wait_until(lambda: self.look(name)["state"] == state, 20, f"{name} is {state}")
        return self.look(name)

    def listen(self, path, buffer=None, headers=None):
        return Listener(self.url, path, buffer, self.headers if headers is None else headers)


class Listener:
    """A client of server-sent events."""

    def __init__(self, url, path, buffer, headers):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
        if buffer:
            host, port = urllib.parse.urlsplit(url).netloc.split(":")
            self.connection.sock = socket.socket()
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self.connection.sock.connect((host, int(port)))
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        self.status, self.ids = self.answer.status, []
        self.text = self.answer.read().decode() if self.status != 200 else ""

    def next(self):
        """The next event as (type, data); None at the end."""
        kind, data = None, None
        deadline = time.monotonic() + 20
        while line := self.answer.readline():
            if time.monotonic() > deadline:
                raise AssertionError("nothing but heartbeats for 20 s")
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                self.ids.append(int(value))
            elif name == "event":
                kind = value
            elif name == "data":
                data = json.loads(value)
            elif not line.strip() and kind:
                return kind, data
        return None

    def until(self, wanted):
        """All events up to the first for which wanted(type, data) is true, which is the last."""
        seen, deadline = [], time.monotonic() + (120 if servers.SANITIZED else 20)
        while time.monotonic() < deadline and (event := self.next()):
            seen.append(event)
            if wanted(*event):
                return seen
        raise AssertionError(f"it did not come, but {seen[-5:]}")

    def close(self):
        self.answer.close()
        self.connection.close()
