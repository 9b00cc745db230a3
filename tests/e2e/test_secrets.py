# SPDX-License-Identifier: Apache-2.0
"""A secret is in no answer, no log line and no error, wherever it is written: literally, in a file, in the environment."""
import json
import pathlib
import shutil
import signal
import socket
import tempfile
import urllib.error
import urllib.request

import pytest

import servers

LITERAL, IN_FILE, IN_ENVIRONMENT = MARKERS = "marker-literal-3b1", "marker-file-7c2", "marker-environment-9d4"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Api:
    """Asks, and keeps all that it was told."""

    def __init__(self, port):
        self.base, self.heard = f"http://127.0.0.1:{port}", []

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read().decode()
        self.heard.append(f"{method} {path}: {status} {text}")
        return status, json.loads(text) if text else None


def is_up(api):
    try:
        return api.ask("GET", "/connectors")[0] == 200
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture
def daemon(tmp_path):
    (tmp_path / "password").write_text(IN_FILE + "\n")
    port = free_port()
    config = f"""
    log = {{ level = "debug"; }};
    api = {{ listeners = [ "http://127.0.0.1:{port}" ]; }};
    secrets = {{ file = {{ paths = [ "{tmp_path}" ]; }}; }};
    connections = ( {{ name = "plant"; class = "mqtt"; broker = "tcp://127.0.0.1:1"; username = "u"; password = "{LITERAL}"; }} );
    pipelines = (
      {{ name = "literal"; source = {{ connection = "plant"; topics = [ "a" ]; }}; sink = {{ class = "kafka";
         bootstrap = "127.0.0.1:1"; topic = "t"; properties = [ "producer.sasl.password={LITERAL}" ]; }}; }},
      {{ name = "file"; source = {{ connection = "plant"; topics = [ "a" ]; password = "${{file:{tmp_path}/password}}"; }};
         sink = {{ class = "null"; }}; }},
      {{ name = "environment"; source = {{ connection = "plant"; topics = [ "a" ]; password = "${{env:OUTFLOW_MARKER}}"; }};
         sink = {{ class = "null"; }}; }} );
    """
    outflow = servers.Outflow(tmp_path, config).start({"OUTFLOW_MARKER": IN_ENVIRONMENT})
    outflow.api = Api(port)
    servers.wait_until(lambda: is_up(outflow.api) or not outflow.alive(), 30, "the API answers")
    yield outflow
    if outflow.alive():
        outflow.kill()


CREATED = {"connector.class": "mqtt/source", "broker": "tcp://127.0.0.1:1", "topics": "a", "topic": "t", "username": "u",
           "password": LITERAL, "producer.override.bootstrap.servers": "127.0.0.1:1",
           "producer.override.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
                                                 f'username="u" password="{LITERAL}";',
           "producer.override.security.protocol": "SASL_PLAINTEXT", "producer.override.sasl.mechanism": "PLAIN"}


def test_no_answer_and_no_line_has_a_secret(tmp_path, daemon):
    """Proves it for all that shows a configuration or an error about one, and for the log at level debug."""
    api = daemon.api
    assert api.ask("PUT", "/connectors/created/config", CREATED)[0] == 201, api.heard[-1]
    assert api.ask("GET", "/connectors/created/config")[1]["password"] == "[hidden]"
    assert api.ask("GET", "/connectors/file/config")[1]["source.password"] == f"${{file:{tmp_path}/password}}"
    for number in ("keep.alive", "tasks.max", "producer.override.linger.ms"):
        api.ask("PUT", "/connectors/wrong/config", dict(CREATED, **{number: "x"}))
    api.ask("PUT", "/connectors/wrong/config", dict(CREATED, **{"keep.alive": f"${{file:{tmp_path}/password}}"}))
    api.ask("PUT", "/connector-plugins/mqtt%2Fsource/config/validate", CREATED)
    for path in ("/connectors?expand=info&expand=status", "/v1/pipelines", "/v1/connections", "/metrics", "/v1/plugins"):
        try:
            api.ask("GET", path)
        except json.JSONDecodeError:
            pass
    for name in ("created", "literal", "file", "environment"):
        for path in (f"/connectors/{name}", f"/connectors/{name}/config", f"/connectors/{name}/tasks",
                     f"/connectors/{name}/status", f"/v1/pipelines/{name}"):
            api.ask("GET", path)
    daemon.child.terminate()
    assert daemon.child.wait(timeout=30) == 0, daemon.tail()
    told = "\n".join(api.heard) + daemon.log.read_text(errors="replace")
    assert [(m, line[:300]) for m in MARKERS for line in told.splitlines() if m in line] == []
    assert told.count("[hidden]") > 5


def test_what_was_hidden_is_kept_when_it_is_written_back(daemon):
    """Proves that a tool that reads, changes and writes a configuration leaves its secrets as they were."""
    api = daemon.api
    assert api.ask("PUT", "/connectors/created/config", CREATED)[0] == 201, api.heard[-1]
    config = api.ask("GET", "/connectors/created/config")[1]
    assert api.ask("PUT", "/connectors/created/config", dict(config, topics="b"))[0] == 200, api.heard[-1]
    daemon.child.terminate()
    assert daemon.child.wait(timeout=30) == 0, daemon.tail()
    stored = b"".join(f.read_bytes() for f in daemon.state_dir.rglob("*") if f.is_file() and f.suffix != ".so")
    assert LITERAL.encode() in stored and b"[hidden]" not in stored


def test_a_secret_stays_where_it_is_secret(daemon):
    """Proves that an edit of the class does not move a stored secret into a key that is shown."""
    api = daemon.api
    secret = {"source": {"class": "gen"}, "sink": {"class": "null"},
              "transforms": [{"name": "a", "class": "function", "url": "http://127.0.0.1:1/", "headers": {"X-Who": LITERAL}}]}
    assert api.ask("POST", "/v1/pipelines", dict(secret, name="moved"))[0] == 201, api.heard[-1]
    shown = api.ask("GET", "/v1/pipelines/moved")[1]["config"]
    assert shown["transforms.a.headers.X-Who"] == "[hidden]" and shown["transforms.a.url"] == "http://127.0.0.1:1/"
    moved = dict(secret, transforms=[{"name": "a", "class": "headers", "headers": {"X-Who": "[hidden]"}}])
    status, answer = api.ask("PUT", "/v1/pipelines/moved", moved)
    assert status == 400 and "another class" in json.dumps(answer), api.heard[-1]
    for method, path, body in (("PATCH", "/v1/pipelines/moved", {"config": {"transforms.a.class": "headers"}}),
                               ("PATCH", "/connectors/moved/config", {"transforms.a.class": "headers"}),
                               ("PUT", "/connectors/moved/config", dict(shown, **{"transforms.a.class": "headers"}))):
        status, answer = api.ask(method, path, body)
        assert status == 400 and "another class" in json.dumps(answer), api.heard[-1]
    for method, path, body in (("PATCH", "/v1/pipelines/moved", {"config": {"transforms.a.url": "http://127.0.0.1:2/"}}),
                               ("PATCH", "/connectors/moved/config", {"transforms.a.url": "http://127.0.0.1:3/"})):
        assert api.ask(method, path, body)[0] == 200, api.heard[-1]
    kept = dict(secret, description="kept", transforms=[dict(secret["transforms"][0], headers={"X-Who": "[hidden]"})])
    assert api.ask("PUT", "/v1/pipelines/moved", kept)[0] == 200, api.heard[-1]
    daemon.child.terminate()
    assert daemon.child.wait(timeout=30) == 0, daemon.tail()
    stored = b"".join(f.read_bytes() for f in daemon.state_dir.rglob("*") if f.is_file() and f.suffix != ".so")
    assert LITERAL.encode() in stored and b"[hidden]" not in stored


def test_what_is_secret_is_known_without_loading_a_plugin(daemon):
    """Proves that a connection that nothing uses shows all but its secrets."""
    api = daemon.api
    assert api.ask("POST", "/v1/connections", {"name": "idle", "class": "kafka", "bootstrap": "127.0.0.1:1",
                                               "producer": {"sasl.password": LITERAL}})[0] == 201, api.heard[-1]
    daemon.child.terminate()
    assert daemon.child.wait(timeout=30) == 0, daemon.tail()
    text = daemon.config.read_text()
    daemon.config.write_text(text[:text.index("connections")])
    daemon.start()
    servers.wait_until(lambda: is_up(api), 30, "the API answers")
    config = api.ask("GET", "/v1/connections/idle")[1]["config"]
    assert config["bootstrap"] == "127.0.0.1:1" and LITERAL not in json.dumps(config) and "[hidden]" in json.dumps(config)
    with open(f"/proc/{daemon.child.pid}/maps", encoding="utf-8") as maps:
        assert "kafka" not in maps.read()


def test_one_key_of_a_file_of_properties(tmp_path, daemon):
    """Proves that the reference that Kafka Connect's tools write is resolved, over the API within its limits, and never shown."""
    (tmp_path / "keys.properties").write_text(f"# of the plant\nmqtt.user : u\nmqtt.password={IN_FILE}\n")
    reference = f"${{file:{tmp_path}/keys.properties:mqtt.password}}"
    api = daemon.api
    assert api.ask("PUT", "/connectors/created/config", dict(CREATED, password=reference))[0] == 201, api.heard[-1]
    assert api.ask("GET", "/connectors/created/config")[1]["password"] == reference
    # A key that is shown when its value is wrong tells that it was resolved, and still not to what.
    status, answer = api.ask("PUT", "/connectors/wrong/config", dict(CREATED, **{"keep.alive": reference}))
    assert status == 400 and "keep.alive" in answer["message"] and IN_FILE not in json.dumps(answer)
    status, answer = api.ask("PUT", "/connectors/wrong/config", dict(CREATED, password=reference[:-1] + "s}"))
    assert status == 400 and "the file has no such key" in answer["message"]
    status, answer = api.ask("PUT", "/connectors/wrong/config", dict(CREATED, password="${file:/etc/os-release:ID}"))
    assert status == 400 and "secrets.file.paths" in answer["message"]


@pytest.fixture
def public():
    """A directory that everybody can look into, which those of pytest are not."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outflow-public-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_files_that_everybody_can_read_are_warned_of(public, request):
    """Proves it for outflow check in both forms, for the start and for a reload; nothing is said of a file that is private."""
    secret = public / "password"
    secret.write_text(IN_FILE + "\n")
    text = f"""
    api = {{ listeners = [ ]; }};
    pipelines = ( {{ name = "p"; source = {{ class = "gen"; rate = 1; topic = "${{file:{secret}}}"; }}; sink = {{ class = "null"; }};
      transforms = ( {{ class = "function"; url = "http://127.0.0.1:1/"; token = "{LITERAL}"; }} ); }} );
    """
    outflow = servers.Outflow(public / "daemon", text)
    request.addfinalizer(lambda: outflow.alive() and outflow.kill())
    (public / "daemon").chmod(0o755)
    outflow.config.chmod(0o644)
    secret.chmod(0o644)
    done = outflow.run("check")
    assert done.returncode == 0, done.stderr
    assert f"warning: {secret} holds a secret (source.topic), and every user".encode() in done.stderr
    assert f"warning: {outflow.config} holds a secret (transforms.t1.token)".encode() in done.stderr
    told = json.loads(outflow.run("check", "--json").stdout)
    assert told["ok"] and len(told["data"]["warnings"]) == 2
    outflow.config.chmod(0o640)
    outflow.start()
    servers.wait_until(lambda: outflow.logged("p/0: RUNNING"), 20, "it runs")
    warned = [line for line in outflow.log.read_text().splitlines() if "every user" in line]
    assert len(warned) == 1 and "WARN" in warned[0] and f"chmod o-r '{secret}'" in warned[0]
    secret.chmod(0o600)
    outflow.config.chmod(0o644)
    outflow.child.send_signal(signal.SIGHUP)
    servers.wait_until(lambda: outflow.logged(f"{outflow.config} holds a secret"), 20, "the reload warns")
    outflow.stop()
    text = outflow.log.read_text()
    assert text.count("every user") == 2 and LITERAL not in text and IN_FILE not in text
    outflow.config.chmod(0o600)
    assert b"warning" not in outflow.run("check").stderr


def test_what_is_created_reads_no_file_of_its_own_choice(tmp_path, daemon):
    """Proves that a reference over the API leads only where secrets.file.paths says."""
    status, answer = daemon.api.ask("PUT", "/connectors/thief/config", dict(CREATED, topic="${file:/etc/hostname}"))
    assert status == 400 and "secrets.file.paths" in answer["message"]
    assert daemon.api.ask("PUT", "/connectors/friend/config",
                          dict(CREATED, password=f"${{file:{tmp_path}/password}}"))[0] == 201, daemon.api.heard[-1]
    daemon.child.terminate()
    assert daemon.child.wait(timeout=30) == 0, daemon.tail()


def test_check_shows_none_either(tmp_path, daemon):
    """Proves it for outflow check, in words and as JSON, with mistakes at keys that hold secrets."""
    daemon.config.write_text(daemon.config.read_text().replace("tcp://127.0.0.1:1", "tcq://127.0.0.1:1"))
    for more in ([], ["--json"]):
        done = daemon.run("check", *more)
        assert done.returncode == 2
        assert LITERAL.encode() not in done.stdout + done.stderr
    daemon.child.terminate()
    assert daemon.child.wait(timeout=30) == 0, daemon.tail()
