# SPDX-License-Identifier: Apache-2.0
"""Proves that the document of the API is valid, is what is served, and that the API keeps to it, whatever it is sent."""
import base64
import json
import os
import pathlib
import subprocess
import urllib.parse

import pytest

import clients
import contract
import native_client
import servers

CONFIGURATION = pathlib.Path(__file__).with_name("schemathesis.toml")
USERS = 'users = ( { name = "ops"; token = "write"; } );'
CONFIG = """
pipelines = ( { name = "clean"; source = { class = "gen"; rate = 1000; }; sink = { class = "null"; }; } );
"""


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon").start()
    yield it
    it.kill()


@pytest.fixture(scope="session")
def python():
    """The interpreter with the validator and the fuzzer, which others wrote."""
    place = clients.fetch("openapi")["openapi"]
    return dict(os.environ, PYTHONPATH=str(place), PYTHONDONTWRITEBYTECODE="1")


def examples(part):
    """(schema, example) of everything below that has both."""
    if isinstance(part, list):
        for item in part:
            yield from examples(item)
    elif isinstance(part, dict):
        schema = part.get("schema", part if "type" in part else None)
        if schema is not None and "example" in part:
            yield schema, part["example"]
        if schema is not None and isinstance(part.get("examples"), dict):
            yield from ((schema, example["value"]) for example in part["examples"].values())
        for item in part.values():
            yield from examples(item)


def test_the_document_is_valid(python):
    """Proves that it is OpenAPI 3.1, and that its examples are what its schemas say."""
    done = subprocess.run(["/usr/bin/python3", "-m", "openapi_spec_validator", servers.TOP / "host/api/openapi.json"],
                          env=python, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout.decode()
    found = list(examples(contract.DOCUMENT))
    assert len(found) > 10
    for schema, example in found:
        contract.validate(example, schema)


def test_the_document_is_served(daemon):
    """Proves that the program has the whole document in it."""
    assert daemon.get("/v1/openapi.json").json == contract.DOCUMENT


def test_examples_work(daemon):
    """Proves that what the document shows as a request can be sent, in the document's order."""
    succeeded = 0
    for template, item in contract.DOCUMENT["paths"].items():
        for method, operation in item.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}) if method != "parameters" else {}
            for example in body.get("examples", {}).values():
                path = template
                for p in map(contract.resolved, item.get("parameters", [])):
                    path = path.replace("{%s}" % p["name"], str(p["example"]))
                answer = daemon.call(method.upper(), path, example["value"])
                assert answer.status in (200, 201), (method, path, answer.json)
                succeeded += 1
    assert succeeded >= 10


def streams():
    """The operations whose answers have no end: their own tests look at them."""
    for item in contract.DOCUMENT["paths"].values():
        for method, operation in item.items():
            if method != "parameters" and "text/event-stream" in contract.resolved(operation["responses"].get("200", {})).get("content", {}):
                yield operation["operationId"]


def check_exchanges(path):
    """Holds all that the fuzzer was answered against the document, more strictly than it does: no other member, no other status."""
    entries = json.loads(path.read_text())["log"]["entries"]
    for entry in entries:
        target = urllib.parse.urlsplit(entry["request"]["url"]).path
        answer = entry["response"]
        if answer["status"] > 0:
            content = answer["content"]
            body = content.get("text") or ""
            body = base64.b64decode(body) if content.get("encoding") == "base64" else body.encode()
            contract.check(entry["request"]["method"], target, answer["status"], content.get("mimeType"), body)
    return len(entries)


def figures(daemon):
    return daemon.get("/v1/pipelines/clean").json["figures"]


def test_a_fuzzer_finds_nothing(tmp_path, python):
    """Proves that whatever schemathesis makes of the document gets the answer that it describes and no 5xx, that who has no token
    gets 401, and that afterwards the daemon does its work with hardly more memory. OUTFLOW_FUZZ_SECONDS makes it longer, and random."""
    seconds = os.environ.get("OUTFLOW_FUZZ_SECONDS")
    daemon = native_client.Daemon(tmp_path / "daemon", CONFIG, api=USERS, headers={"Authorization": "Bearer write"})
    try:
        daemon.start()
        servers.wait_until(lambda: figures(daemon)["delivered"] > 0, 20, "records flow")
        before = daemon.memory()["RssAnon"]
        command = ["/usr/bin/python3", "-W", "ignore", "-m", "schemathesis.cli", "--config-file", CONFIGURATION, "run",
                   daemon.url + "/v1/openapi.json", "-H", "Authorization: Bearer write", "--max-time", seconds or "45",
                   "--report", "har", "--report-har-path", tmp_path / "exchanges.har", *([] if seconds else ["--seed", "1"])]
        for stream in streams():
            command += ["--exclude-operation-id", stream]
        done = subprocess.run(command, cwd=tmp_path, env=python, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=int(seconds or 45) + 300)
        text = done.stdout.decode(errors="replace")
        print(text[-2000:])
        assert done.returncode == 0, text[-20000:]
        assert daemon.alive(), daemon.tail()
        assert check_exchanges(tmp_path / "exchanges.har") > 500
        assert daemon.call("POST", "/v1/pipelines/clean/start").status == 202  # it may have been paused, as anybody may
        daemon.wait_state("clean", "RUNNING")
        delivered = figures(daemon)["delivered"]
        servers.wait_until(lambda: figures(daemon)["delivered"] > delivered, 20, "records still flow")
        assert daemon.look("clean")["tasks"][0]["restarts"] == 0
        print(f"private memory before {before} KiB, after {daemon.memory()['RssAnon']} KiB")
        assert daemon.memory()["RssAnon"] < before + 64 * 1024 * (4 if "san" in servers.BUILD.name else 1)
    finally:
        daemon.stop()
    assert daemon.child.returncode == 0, daemon.tail()
