# SPDX-License-Identifier: Apache-2.0
"""Pipelines over the native API: their life from creation to deletion, in the product's shape, kill -9 included."""
import json

import pytest

import native_client
import oracle
import servers

DECLARED = """
pipelines = ( { name = "filed"; state = "stopped"; source = { class = "gen"; }; sink = { class = "null"; }; } );
"""


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon", DECLARED).start()
    yield it
    if it.alive():
        it.kill()


def wish(name="p", **more):
    return {"name": name, "source": {"class": "gen", "rate": 200}, "sink": {"class": "null"}, **more}


def test_a_pipeline_lives(daemon):
    """Proves that a pipeline is created disabled, starts, pauses, stops and goes, and says so each time."""
    created = daemon.call("POST", "/v1/pipelines", wish())
    assert (created.status, created.json["state"], created.json["target"]) == (201, "READY", "STOPPED")
    assert created.headers["Location"] == "/v1/pipelines/p"
    assert daemon.call("POST", "/v1/pipelines", wish()).status == 409
    for action, state in (("start", "RUNNING"), ("pause", "PAUSED"), ("resume", "RUNNING"), ("stop", "READY")):
        assert daemon.call("POST", f"/v1/pipelines/p/{action}").status == 202
        daemon.wait_state("p", state)
    assert daemon.call("DELETE", "/v1/pipelines/p").status == 204
    assert daemon.get("/v1/pipelines/p").status == 404
    assert daemon.call("POST", "/v1/pipelines/p/start").status == 404


def test_figures_move(daemon):
    """Proves that a running pipeline shows what it has done, and at which rate."""
    assert daemon.call("POST", "/v1/pipelines", wish(start=True)).status == 201
    servers.wait_until(lambda: daemon.look("p")["figures"]["delivered"] > 100, 20, "records were delivered")
    figures = daemon.look("p")["figures"]
    assert 0 < figures["tps"] < 1000 and figures["interval_ms"] > 0
    assert daemon.look("p")["tasks"][0]["state"] == "RUNNING"


def test_the_shape_comes_back(daemon):
    """Proves that what was given nested is shown nested and flat, and can be put back as it was shown."""
    given = wish(description="d", filter={"pattern": {"data": {"body": {"seq": [{"numeric": [">", 5]}]}}}},
                 transforms=[{"name": "r", "class": "rename", "fields": ["seq:number"]}], errors={"tolerance": "all"})
    shown = daemon.call("POST", "/v1/pipelines", given).json
    assert shown["config"]["transforms.r.fields"] == "seq:number"
    assert shown["pipeline"]["filter"]["pattern"] == given["filter"]["pattern"]
    again = daemon.call("PUT", "/v1/pipelines/p", shown["pipeline"])
    assert again.status == 200 and again.json["version"] == shown["version"]
    flat = daemon.call("PUT", "/v1/pipelines/p", {"config": shown["config"]})
    assert flat.status == 200 and flat.json["version"] == shown["version"]


def test_problems_have_places(daemon):
    """Proves that everything wrong is said at once, with key and JSON pointer, and that nothing is created."""
    bad = daemon.call("POST", "/v1/pipelines", {"name": "p", "source": {"class": "genn"}, "sink": {"class": "null", "x": 1}})
    assert bad.status == 400
    assert {p["pointer"] for p in bad.json["problems"]} == {"/source/class", "/sink/x"}
    assert "did you mean 'gen'" in bad.json["problems"][0]["message"]
    for name in ("", "-a", "a_b", "a/b", "x" * 128, "\u00e4"):
        assert daemon.call("POST", "/v1/pipelines", wish(name)).status == 400
    assert daemon.call("POST", "/v1/pipelines", [1]).status == 400
    assert daemon.call("POST", "/v1/pipelines", wish(start="yes")).status == 400
    assert daemon.get("/v1/pipelines").json["total"] == 1


def test_edits_by_version(daemon):
    """Proves that an edit which names an old version changes nothing, and that a patch changes what it names."""
    old = daemon.call("POST", "/v1/pipelines", wish()).headers["ETag"]
    first = daemon.call("PATCH", "/v1/pipelines/p", {"source": {"rate": 7}, "description": "x"}, If_Match=old)
    assert first.status == 200 and first.json["config"]["source.rate"] == "7"
    second = daemon.call("PATCH", "/v1/pipelines/p", {"description": None}, If_Match=old)
    assert second.status == 412 and daemon.look("p")["description"] == "x"
    assert daemon.call("PATCH", "/v1/pipelines/p", {"description": None}).json["description"] is None
    assert daemon.call("PUT", "/v1/pipelines/none", wish("none")).status == 404


def test_declared_ones_are_changed_in_their_file(daemon):
    """Proves that the answer names file and line."""
    for method, body in (("PUT", wish("filed")), ("PATCH", {}), ("DELETE", None)):
        refused = daemon.call(method, "/v1/pipelines/filed", body)
        assert refused.status == 409 and f"{daemon.config}:3" in refused.json["message"]


def test_pages(daemon):
    """Proves that pages cover every name once, in order, and that a prefix chooses."""
    for i in range(7):
        assert daemon.call("POST", "/v1/pipelines", wish(f"a{i}")).status == 201
    names, cursor = [], {}
    while True:
        page = daemon.get("/v1/pipelines", prefix="a", limit=3, **cursor).json
        names += [p["name"] for p in page["pipelines"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert names == [f"a{i}" for i in range(7)] and page["total"] == 7
    for limit in ("0", "101", "x", ""):
        assert daemon.get("/v1/pipelines", limit=limit).status == 400
    assert daemon.get("/v1/pipelines", state="READY").json["total"] == 8
    assert daemon.get("/v1/pipelines", state="ready").status == 400


def test_flags_are_true_or_false(daemon):
    """Proves that a flag which is neither changes nothing."""
    assert daemon.call("POST", "/v1/pipelines", wish()).status == 201
    assert daemon.call("POST", "/v1/pipelines/p/restart?only_failed=yes").status == 400
    assert daemon.call("DELETE", "/v1/pipelines/p?purge=1").status == 400
    assert daemon.call("DELETE", "/v1/pipelines/p?purge=true").status == 204


def test_kill_keeps_pipelines_and_targets(tmp_path):
    """Proves that what was answered is still so after kill -9."""
    first = native_client.Daemon(tmp_path / "daemon").start()
    for name, action in (("runs", "start"), ("rests", "pause"), ("ends", "stop")):
        assert first.call("POST", "/v1/pipelines", wish(name)).status == 201
        assert first.call("POST", f"/v1/pipelines/{name}/{action}").status == 202
    first.call("POST", "/v1/pipelines", wish("gone"))
    first.call("DELETE", "/v1/pipelines/gone")
    first.kill()
    second = native_client.Daemon(tmp_path / "daemon").start()
    try:
        second.wait_state("runs", "RUNNING")
        second.wait_state("rests", "PAUSED")
        second.wait_state("ends", "READY")
        assert second.get("/v1/pipelines/gone").status == 404
    finally:
        second.kill()


def test_edits_between_brokers_keep_the_position(tmp_path, kafka, mosquitto, topic):
    """Proves that a created MQTT to Kafka pipeline loses nothing over pause, edit and kill -9."""
    daemon = native_client.Daemon(tmp_path / "daemon").start()
    try:
        created = daemon.call("POST", "/v1/pipelines", {
            "name": "plant", "start": True, "source": {"class": "mqtt", "broker": mosquitto.url, "topics": ["plant/#"]},
            "sink": {"class": "kafka", "bootstrap": kafka.bootstrap, "topic": topic,
                     "key": "$.data.body.dev", "value": {"form": "JSONPATH", "value": "$.data.body"}}})
        assert created.status == 201, created.json
        daemon.wait_subscribed()
        publisher = oracle.Publisher(mosquitto.port, rate=500).start()
        servers.wait_until(lambda: daemon.look("plant")["figures"]["delivered"] > 200, 30, "records were delivered")
        daemon.call("POST", "/v1/pipelines/plant/pause")
        daemon.wait_state("plant", "PAUSED")
        daemon.call("POST", "/v1/pipelines/plant/resume")
        edited = daemon.call("PATCH", "/v1/pipelines/plant", {"errors": {"tolerance": "all"}})
        assert edited.status == 200, edited.json
        servers.wait_until(lambda: daemon.look("plant")["figures"]["delivered"] > 200, 30, "the edited one delivers")
        daemon.kill()
        daemon.start()
        daemon.wait_state("plant", "RUNNING")
        servers.wait_until(lambda: publisher.published > 3000, 30, "enough was published")
        publisher.finish()
        oracle.verdict(kafka.bootstrap, topic, publisher).check()
    finally:
        daemon.kill()


def test_plugins_are_listed(daemon):
    """Proves that the API tells of components without a pipeline that uses them."""
    assert '"mqtt"' in json.dumps(daemon.get("/v1/plugins").json)
