# SPDX-License-Identifier: Apache-2.0
"""Proves that the life of a connector over Kafka Connect's REST API has Connect's statuses and shapes, and survives kill -9."""
import pytest

import servers
from test_api_server import Daemon, is_error

COUNTED = {"source.class": "gen", "source.count": "100", "sink.class": "null"}


@pytest.fixture
def daemon(tmp_path):
    d = Daemon(tmp_path, 'api = { listeners = "http://127.0.0.1:0"; };\n', pipelines="").serve()
    yield d
    d.kill()


def state(d, name):
    status, body, _ = d.ask("GET", f"/connectors/{name}/status")
    return (body["connector"]["state"], [t["state"] for t in body["tasks"]]) if status == 200 else status


def wait_for(d, name, wanted):
    servers.wait_until(lambda: state(d, name) == wanted, 20, f"{name} is {wanted}, not {state(d, name)}")


def test_the_life_of_a_connector(daemon):
    """Proves each call from create to delete."""
    d = daemon
    config = {"source.class": "gen", "source.rate": 1000, "sink.class": "null"}
    status, body, answer = d.ask("POST", "/connectors", {"name": " a b/ü ", "config": config})
    assert status == 201 and body["name"] == "a b/ü" and body["type"] == "source"
    assert body["config"] == {"name": "a b/ü", "source.class": "gen", "source.rate": "1000", "sink.class": "null"}
    at = "/connectors/a%20b%2F%C3%BC"
    assert answer.getheader("Location").endswith(at)
    wait_for(d, at.split("/", 2)[2], ("RUNNING", ["RUNNING"]))
    name = at.split("/", 2)[2]
    assert d.ask("POST", "/connectors", {"name": "a b/ü", "config": config})[0] == 409
    assert d.ask("GET", at + "/config")[1] == body["config"]
    assert d.ask("GET", at + "/tasks/")[1][0]["id"] == {"connector": "a b/ü", "task": 0}
    assert d.ask("GET", at + "/tasks/0/status")[1]["state"] == "RUNNING"
    for task in ("7", "x", "-1"):
        assert is_error(d.ask("GET", f"{at}/tasks/{task}/status"), 404)
    assert d.ask("PUT", at + "/pause")[:2] == (202, b"")
    wait_for(d, name, ("PAUSED", ["PAUSED"]))
    assert d.ask("PUT", at + "/resume", "")[:2] == (202, b"")
    wait_for(d, name, ("RUNNING", ["RUNNING"]))
    assert d.ask("POST", at + "/restart")[:2] == (204, b"")
    status, body, _ = d.ask("POST", at + "/restart?includeTasks=true")
    assert status == 202 and body["connector"]["state"] == body["tasks"][0]["state"] == "RESTARTING"
    wait_for(d, name, ("RUNNING", ["RUNNING"]))
    assert d.ask("POST", at + "/tasks/0/restart")[:2] == (204, b"")
    status, body, _ = d.ask("PUT", at + "/config", dict(config, **{"tasks.max": 2, "retry.policy": "custom", "retry.jitter": 0.1}))
    assert status == 200 and body["config"]["tasks.max"] == "2" and body["config"]["retry.jitter"] == "0.1"
    wait_for(d, name, ("RUNNING", ["RUNNING", "RUNNING"]))
    status, body, _ = d.ask("PATCH", at + "/config", {"tasks.max": None})
    assert status == 200 and "tasks.max" not in body["config"]
    listed = d.ask("GET", "/connectors?expand=status&expand=info")[1]["a b/ü"]
    assert set(listed) == {"status", "info"}
    assert d.ask("GET", "/connectors?expand=nothing")[1] == {"a b/ü": {}}
    assert d.ask("PUT", at + "/stop")[:2] == (204, b"")
    wait_for(d, name, ("STOPPED", []))
    assert d.ask("DELETE", at + "/")[:2] == (204, b"")
    assert is_error(d.ask("GET", at + "/status"), 404)


def test_offsets_are_read_set_and_reset_while_it_is_stopped(daemon):
    """Proves that a position that is set is where it goes on, and that a running connector's cannot be."""
    d = daemon
    d.ask("POST", "/connectors", {"name": "o", "initial_state": "stopped", "config": COUNTED})
    wait_for(d, "o", ("STOPPED", []))
    assert d.ask("GET", "/connectors/o/offsets")[1] == {"offsets": []}
    partition = {"task": 0, "of": 1}
    for body in ({}, {"offsets": []}, {"offsets": [{}]}, {"offsets": [{"partition": partition, "offset": {"x": 1}}]},
                 {"offsets": [{"partition": 1, "offset": None}]}, {"offsets": 1}, [], {"more": 1, "offsets": []}):
        assert is_error(d.ask("PATCH", "/connectors/o/offsets", body), 400)
    change = {"offsets": [{"partition": partition, "offset": {"sequence": 90}}]}
    assert d.ask("PATCH", "/connectors/o/offsets", change)[0] == 200
    assert d.ask("GET", "/connectors/o/offsets")[1] == change
    d.ask("PUT", "/connectors/o/resume")
    servers.wait_until(lambda: d.ask("GET", "/connectors/o/offsets")[1]["offsets"][0]["offset"] == {"sequence": 100},
                       20, "it has gone on")
    assert is_error(d.ask("PATCH", "/connectors/o/offsets", change), 400)
    assert is_error(d.ask("DELETE", "/connectors/o/offsets"), 400)
    assert is_error(d.ask("DELETE", "/connectors/none/offsets"), 404)
    d.ask("PUT", "/connectors/o/stop")
    wait_for(d, "o", ("STOPPED", []))
    assert d.ask("DELETE", "/connectors/o/offsets")[0] == 200
    assert d.ask("GET", "/connectors/o/offsets")[1] == {"offsets": []}


def test_wrong_requests_change_nothing(daemon):
    """Proves that each malformed body is a 400 (500 as a worker has it where that is asked for), and leaves no connector."""
    d = daemon
    for body in ("", "null", "[]", "{}", "{", '{"name":"x"}', {"name": "x", "config": []}, {"name": [1], "config": COUNTED},
                 {"name": "x", "config": COUNTED, "colour": 1}, {"name": "x", "config": dict(COUNTED, a={"b": 1})},
                 {"name": "x", "config": dict(COUNTED, a=None)}, {"config": COUNTED}, {"name": "  ", "config": COUNTED},
                 {"name": "a\u0007", "config": COUNTED}, {"name": "x", "config": dict(COUNTED, name="y")},
                 {"name": "x", "config": COUNTED, "initial_state": "ASLEEP"}, {"name": "x", "config": {"sink.class": "null"}},
                 {"name": "x", "config": dict(COUNTED, **{"source.nothing": "1"})}):
        assert is_error(d.ask("POST", "/connectors", body), 400), body
    for method, path in (("GET", ""), ("GET", "/config"), ("GET", "/status"), ("GET", "/tasks"), ("GET", "/offsets"),
                         ("PUT", "/pause"), ("PUT", "/resume"), ("PUT", "/stop"), ("POST", "/restart"), ("DELETE", ""),
                         ("POST", "/tasks/0/restart"), ("GET", "/tasks/0/status")):
        assert is_error(d.ask(method, "/connectors/none" + path), 404), path
    assert d.ask("GET", "/connectors/none/topics")[1] == {"none": {"topics": []}}
    assert d.ask("GET", "/connectors")[1] == []


def test_loggers(daemon):
    """Proves that levels are shown and set as KIP-495 and KIP-976 say."""
    d = daemon
    assert d.ask("GET", "/admin/loggers/root")[1] == {"level": "INFO", "last_modified": None}
    status, body, _ = d.ask("PUT", "/admin/loggers/host.api", {"level": "debug"})
    assert status == 200 and body == ["host.api"]
    shown = d.ask("GET", "/admin/loggers/")[1]["host.api"]
    assert shown["level"] == "DEBUG" and shown["last_modified"] > 0
    assert d.ask("PUT", "/admin/loggers/host.api?scope=cluster", {"level": "INFO"})[:2] == (204, b"")
    assert is_error(d.ask("PUT", "/admin/loggers/host.api", {}), 400)
    assert is_error(d.ask("PUT", "/admin/loggers/host.api", {"level": "LOUD"}), 404)
    assert is_error(d.ask("GET", "/admin/loggers/none.such"), 404)


def test_what_was_created_survives_a_kill(daemon):
    """Proves that a connector and what it is to do are on disk before the answer."""
    d = daemon
    d.ask("POST", "/connectors", {"name": "k", "config": COUNTED})
    assert d.ask("PUT", "/connectors/k/pause")[0] == 202
    d.kill()
    (d.state_dir / "api").unlink()
    d.serve()
    assert d.ask("GET", "/connectors/k/status")[1]["connector"]["state"] == "PAUSED"
