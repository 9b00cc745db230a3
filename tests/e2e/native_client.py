# SPDX-License-Identifier: Apache-2.0
"""A client of the native API, which holds every answer against the API's document, and daemons that serve it."""
import json
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
    """With the API on a free port of its own."""

    def __init__(self, directory, config="", **options):
        super().__init__(directory, 'api = { listeners = [ "http://127.0.0.1:0" ]; };\n' + config, **options)

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
            "Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})
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
