# SPDX-License-Identifier: Apache-2.0
"""Connections over the native API: created, referred to, changed, secrets masked, kept over kill -9."""
import pytest

import native_client

DECLARED = """
connections = ( { name = "filed"; class = "kafka"; bootstrap = "127.0.0.1:1"; } );
"""
PLANT = {"name": "plant", "class": "mqtt", "broker": "tcp://127.0.0.1:1", "username": "u", "password": "s3cret"}


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon", DECLARED).start()
    yield it
    if it.alive():
        it.kill()


def test_a_connection_lives(daemon):
    """Proves that a connection is created, used, not deleted while it is used, and then is."""
    created = daemon.call("POST", "/v1/connections", PLANT)
    assert created.status == 201 and created.json["used_by"] == []
    assert daemon.call("POST", "/v1/connections", PLANT).status == 409
    user = {"name": "p", "source": {"class": "mqtt", "connection": "plant", "topics": ["a"]}, "sink": {"class": "null"}}
    assert daemon.call("POST", "/v1/pipelines", user).status == 201
    assert daemon.get("/v1/connections/plant").json["used_by"] == ["p"]
    assert daemon.call("DELETE", "/v1/connections/plant").status == 409
    assert daemon.call("DELETE", "/v1/pipelines/p").status == 204
    assert daemon.call("DELETE", "/v1/connections/plant").status == 204
    assert daemon.get("/v1/connections/plant").status == 404
    assert daemon.call("DELETE", "/v1/connections/plant").status == 404


def test_secrets_are_masked_and_kept(daemon):
    """Proves that a password is never shown, and stays when its mask is written back."""
    shown = daemon.call("POST", "/v1/connections", PLANT).json["config"]
    assert "s3cret" not in str(daemon.get("/v1/connections").json) and shown["password"] == "[hidden]"
    assert daemon.call("PUT", "/v1/connections/plant", {**shown, "broker": "tcp://127.0.0.1:2"}).status == 200
    assert any(b"s3cret" in path.read_bytes() for path in daemon.state_dir.rglob("pipelines*") if path.is_file())
    new = daemon.call("PUT", "/v1/connections/other", {"class": "mqtt", "broker": "tcp://127.0.0.1:1", "password": "[hidden]"})
    assert new.status == 400


def test_bad_ones_are_refused(daemon):
    """Proves that a wrong name, body, and a connection that its pipelines cannot use change nothing."""
    for body in ({"class": "mqtt"}, {"name": "a_b", "class": "mqtt"}, {"name": "x"}, [1], {"name": "x", "class": None}):
        assert daemon.call("POST", "/v1/connections", body).status == 400
    for body in ({"name": "y", "class": "mqtt"}, {"name": "y", "config": {"class": "mqtt"}}, {"config": {"class": "mqtt"}, "broker": "x"},
                 {"config": {"class": "mqtt", "x": {}}}, {"name": {}, "config": {"class": "mqtt"}},
                 {"name": "x", "config": {"name": "y", "class": "mqtt"}}):
        assert daemon.call("PUT", "/v1/connections/x", body).status == 400
    assert daemon.call("PUT", "/v1/connections/filed", {"class": "kafka"}).status == 409
    assert daemon.call("DELETE", "/v1/connections/filed").status == 409
    wrong = daemon.call("PUT", "/v1/connections/unused", {"config": {"class": "mqtt", "brokr": "x", "keepalive": "7"}})
    assert wrong.status == 400 and [(p["pointer"], p["message"]) for p in wrong.json["problems"]] == [
        ("/config/brokr", "unknown key; did you mean 'broker'?"),
        ("/config/keepalive", "'7' has no unit; write it as in \"500ms\"")]
    assert daemon.get("/v1/connections/unused").status == 404
    daemon.call("POST", "/v1/connections", PLANT)
    user = {"name": "p", "source": {"connection": "plant", "class": "mqtt", "topics": ["a"]}, "sink": {"class": "null"}}
    assert daemon.call("POST", "/v1/pipelines", user).status == 201
    assert daemon.call("PUT", "/v1/connections/plant", {**PLANT, "brokr": "x"}).status == 400
    assert "brokr" not in daemon.get("/v1/connections/plant").json["config"]


def test_declared_ones_are_checked(daemon):
    """Proves that `check` and a reload find a wrong key of a connection that no pipeline uses, with its line."""
    assert daemon.run("check").returncode == 0
    daemon.config.write_text(daemon.config.read_text().replace("bootstrap", "bootstrop"))
    line = daemon.config.read_text().split("bootstrop")[0].count("\n") + 1
    checked = daemon.run("check")
    place = f"{daemon.config}:{line}: bootstrop: unknown key; did you mean 'bootstrap'?"
    assert checked.returncode == 2 and place in checked.stderr.decode()
    reloaded = daemon.call("POST", "/v1/reload")
    assert reloaded.status == 400 and reloaded.json["problems"][0]["line"] == line
    assert daemon.get("/v1/connections/filed").json["config"]["bootstrap"]


def test_kill_keeps_connections(daemon):
    """Proves that what was answered is still so after kill -9."""
    assert daemon.call("PUT", "/v1/connections/plant", PLANT).status == 201
    daemon.kill()
    daemon.start()
    assert daemon.get("/v1/connections/plant").json["class"] == "mqtt"
    user = {"name": "p", "source": {"class": "mqtt", "connection": "plant", "topics": ["a"]}, "sink": {"class": "null"}}
    assert daemon.call("POST", "/v1/pipelines", user).status == 201
    assert daemon.get("/v1/connections/plant").json["config"]["username"] == "u"
