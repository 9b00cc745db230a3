# SPDX-License-Identifier: Apache-2.0
"""Taps: what passes through a pipeline is shown live, over the API and by the command, and never at the pipeline's cost."""
import base64
import concurrent.futures
import json
import os
import signal
import subprocess

import pytest

import native_client
import servers

USERS = """users = ( { name = "hands"; token = "write"; role = "admin"; }, { name = "eyes"; token = "look"; role = "read-only"; } );"""


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon").start({"OUTFLOW_PASSWORD": "open-sesame"})
    yield it
    if it.alive():
        it.kill()


def create(daemon, name="p", **wish):
    answer = daemon.call("POST", "/v1/pipelines", {"name": name, "source": {"class": "gen", "rate": 200},
                                                   "sink": {"class": "null"}, **wish})
    assert answer.status == 201, answer.json


def act(daemon, action, name="p"):
    assert daemon.call("POST", f"/v1/pipelines/{name}/{action}").status == 202


def files(tmp_path, lines, **more):
    """From one file into another."""
    (tmp_path / "in").write_bytes(b"\n".join(lines) + b"\n")
    return {"source": {"class": "file", "path": str(tmp_path / "in"), **more.pop("source", {})},
            "sink": {"class": "file", "path": str(tmp_path / "out")}, **more}


def everything(daemon, **query):
    """What a tap shows of a pipeline from its start to its end."""
    text = "&".join(f"{k}={v}" for k, v in query.items())
    it = daemon.listen(f"/v1/pipelines/p/tap?{text}")
    assert it.next() == ("tap", {"pipeline": "p", "state": "READY"})
    act(daemon, "start")
    return it.until(lambda kind, data: kind == "end")


def test_the_way_of_records(daemon, tmp_path):
    """Proves that a record is shown at each stage as it is there, and that those which fail come with stage and reason."""
    create(daemon, **files(tmp_path, [b'{"a":1}', b"bad", b'{"a":50}'], source={"format": "json"},
                           filter={"pattern": {"data": {"body": {"a": [{"numeric": ["<", 20]}]}}}},
                           transforms=[{"name": "t1", "class": "rename", "fields": ["a:b"]}],
                           errors={"tolerance": "all"}, deadletter={"class": "file", "path": str(tmp_path / "dead")}))
    seen = everything(daemon)
    assert [(kind, data["stage"], data["value"]) for kind, data in seen[:-1]] == [
        ("record", "source", '{"a":1}'), ("record", "source", "bad"), ("record", "source", '{"a":50}'),
        ("failure", "convert", "bad"), ("record", "filter", '{"a":1}'),
        ("record", "transforms.t1", '{"b":1}'), ("record", "sink", '{"b":1}')]
    failure = seen[3][1]
    assert failure["outcome"] == "dead_lettered" and "not JSON" in failure["reason"] and failure["attempts"] == 1
    assert seen[-1] == ("end", {"end": "completed", "reason": None})
    first = seen[0][1]
    assert first["topic"] == str(tmp_path / "in") and first["key"] is None and first["task"] == 0
    assert first["position"] == 0 and not first["truncated"] and first["value_length"] == 7


def test_stages_are_chosen(daemon, tmp_path):
    """Proves that only what was asked for is shown, and that names that mean nothing are refused with those that do."""
    create(daemon, **files(tmp_path, [b'{"a":1}', b"bad"], source={"format": "json"}, errors={"tolerance": "all"},
                           transforms=[{"name": "t1", "class": "rename", "fields": ["a:b"]}]))
    refused = daemon.listen("/v1/pipelines/p/tap?stage=t2")
    assert refused.status == 400 and "source, convert, transforms.t1, sink, deadletter" in refused.text
    for query in ("max=0", "max=x", "rate=0", "rate=100001", "stage=" + ",".join(["sink"] * 17)):
        assert daemon.listen(f"/v1/pipelines/p/tap?{query}").status == 400, query
    assert daemon.listen("/v1/pipelines/none/tap").status == 404
    assert daemon.call("HEAD", "/v1/pipelines/p/tap").status == 200
    seen = everything(daemon, stage="t1,deadletter")
    assert [(kind, data.get("stage"), data.get("outcome")) for kind, data in seen] == [
        ("failure", "convert", "dropped"), ("record", "transforms.t1", None), ("end", None, None)]


def test_long_and_binary_values(daemon, tmp_path):
    """Proves that long values are cut between characters, whole on request up to 64 KiB, and that bytes are Base64."""
    lines = [b"\xff\xfe\x01binary", "x".encode() + "ä".encode() * 1000, b"y" * 100000]
    create(daemon, **files(tmp_path, lines, source={"format": "binary"}))
    short = [data for kind, data in everything(daemon, stage="source") if kind == "record"]
    assert base64.b64decode(short[0]["value"]["base64"]) == lines[0] and not short[0]["truncated"]
    assert short[1]["value"] == "x" + "ä" * 511 and short[1]["truncated"] and short[1]["value_length"] == 2001
    assert short[2]["value"] == "y" * 1024
    daemon.call("DELETE", "/v1/pipelines/p?purge=true")
    create(daemon, **files(tmp_path, lines, source={"format": "binary"}))
    full = [data for kind, data in everything(daemon, stage="source", full="true") if kind == "record"]
    assert full[1]["value"].encode() == lines[1] and not full[1]["truncated"]
    assert full[2]["value"] == "y" * 65536 and full[2]["truncated"] and full[2]["value_length"] == 100000


def test_values_of_secrets_are_hidden(daemon, tmp_path):
    """Proves that the value of a secret that a transform puts into a record is not shown, cut in two or not."""
    create(daemon, **files(tmp_path, [b'{"a":"open-sesame","b":"' + b"x" * 980 + b'open-sesame"}', b'{"b":"fine"}'],
                           source={"format": "json"},
                           transforms=[{"name": "t", "class": "insert", "fields": [
                               {"field": "$.data.body.password", "value": "${env:OUTFLOW_PASSWORD}"}]}]))
    seen = everything(daemon)
    assert "open-s" not in json.dumps(seen)
    assert '"password":"[hidden]"' in [d["value"] for k, d in seen if d.get("stage") == "sink"][1]
    assert "open-sesame" in (tmp_path / "out").read_text()


def test_secrets_of_connections_are_hidden(daemon, tmp_path, mosquitto):
    """Proves that the password of a connection that the pipeline uses is not shown, and that of another one is no secret here."""
    for name, password in (("plant", "open-door"), ("other", "closed-door")):
        assert daemon.call("PUT", f"/v1/connections/{name}", {"class": "mqtt", "broker": mosquitto.url, "username": "u",
                                                              "password": password}).status == 201
    create(daemon, **{**files(tmp_path, [b'{"a":"open-door"}', b'{"a":"closed-door"}'], source={"format": "json"}),
                      "sink": {"class": "mqtt", "connection": "plant", "topic": "t"}})
    shown = [data["value"] for kind, data in everything(daemon, stage="source") if kind == "record"]
    assert shown == ['{"a":"[hidden]"}', '{"a":"closed-door"}']


@pytest.mark.parametrize("how", ["stopped", "edited", "deleted", "failed", "stopping", "max"])
def test_ends(daemon, tmp_path, how):
    """Proves that a tap says why it ends, whatever ends it."""
    create(daemon)
    it = daemon.listen("/v1/pipelines/p/tap" + ("?max=7" if how == "max" else ""))
    act(daemon, "start")
    it.until(lambda kind, data: kind == "record")
    if how == "stopped":
        act(daemon, "stop")
    elif how == "edited":
        assert daemon.call("PATCH", "/v1/pipelines/p", {"source": {"rate": 10}}).status == 200
    elif how == "deleted":
        assert daemon.call("DELETE", "/v1/pipelines/p").status == 204
    elif how == "stopping":
        daemon.kill(signal.SIGTERM)
    elif how == "failed":
        daemon.call("DELETE", "/v1/pipelines/p")
        create(daemon, "q", sink={"class": "file", "path": "/nowhere/at/all"}, restart={"policy": "never"})
        it = daemon.listen("/v1/pipelines/q/tap")
        act(daemon, "start", "q")
    seen = it.until(lambda kind, data: kind == "end")
    assert seen[-1][1]["end"] == how
    if how == "failed":
        assert "/nowhere/at/all" in seen[-1][1]["reason"]
    if how == "max":
        assert len(seen) == 7  # and one before
    assert it.next() is None


def test_edited_while_it_is_stopped(daemon):
    """Proves that a tap which waits for a pipeline to start hears that it is another one now."""
    create(daemon)
    for method, body, end in (("PATCH", {"source": {"rate": 10}}, "edited"), ("DELETE", None, "deleted")):
        it = daemon.listen("/v1/pipelines/p/tap")
        assert daemon.call(method, "/v1/pipelines/p", body).status in (200, 204)
        assert it.until(lambda kind, data: kind == "end")[-1][1]["end"] == end


def test_who_may_tap(tmp_path):
    """Proves that payloads are shown to administrators alone."""
    daemon = native_client.Daemon(tmp_path / "daemon", api=USERS, headers={"Authorization": "Bearer write"}).start()
    try:
        create(daemon)
        assert daemon.listen("/v1/pipelines/p/tap").next()[0] == "tap"
        assert daemon.listen("/v1/pipelines/p/tap", headers={"Authorization": "Bearer look"}).status == 403
        assert daemon.listen("/v1/pipelines/p/tap", headers={}).status == 401
    finally:
        daemon.kill()


def test_few_may_tap_and_places_come_back(daemon):
    """Proves that the fifth tap of a pipeline is refused, and that one whose client has gone makes room."""
    create(daemon, start=True)
    taps = [daemon.listen("/v1/pipelines/p/tap") for _ in range(4)]
    refused = daemon.listen("/v1/pipelines/p/tap")
    assert refused.status == 503 and "tapped by 4" in refused.text and refused.answer.headers["Retry-After"]
    taps[0].close()
    servers.wait_until(lambda: daemon.listen("/v1/pipelines/p/tap").status == 200, 20, "there is a place again")


def test_the_flow_does_not_notice(daemon, tmp_path):
    """Proves that a fast flow loses nothing and keeps its order while it is tapped: by one that reads, one that never reads,
    and one that goes away in the middle; and that what they missed is told."""
    n = 400000
    create(daemon, source={"class": "gen", "count": n}, sink={"class": "file", "path": str(tmp_path / "out")})
    reader = daemon.listen("/v1/pipelines/p/tap?rate=5000")
    stuck = daemon.listen("/v1/pipelines/p/tap?full=true&rate=100000", buffer=4096)
    gone = daemon.listen("/v1/pipelines/p/tap?rate=100000")
    before = daemon.memory()["RssAnon"]
    with concurrent.futures.ThreadPoolExecutor() as threads:
        seen = threads.submit(reader.until, lambda kind, data: kind == "end")
        act(daemon, "start")
        gone.until(lambda kind, data: kind == "record")
        gone.close()
        seen = seen.result()
    daemon.wait_state("p", "COMPLETED")
    assert daemon.memory()["RssAnon"] - before < (400 if servers.SANITIZED else 40) * 1024
    assert [json.loads(line)["seq"] for line in (tmp_path / "out").open()] == list(range(n))
    figures = daemon.look("p")["figures"]
    assert figures["delivered"] == n and figures["in_flight"] == 0
    missed = sum(data["records"] for kind, data in seen if kind == "missed")
    stages = [data["stage"] for kind, data in seen if kind == "record"]
    assert missed > 0 and stages.count("source") >= stages.count("sink") > 0
    assert missed + stages.count("sink") == n
    assert stuck.until(lambda kind, data: kind == "missed")


# ---- the command ----

def command(daemon, *words, **options):
    return subprocess.Popen([servers.BUILD / "outflow", "tap", "--state-dir", daemon.state_dir, *words], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={k: v for k, v in os.environ.items() if k != "OUTFLOW_URL"}, **options)


def test_lines_for_people(daemon):
    """Proves that a record is a line, that control characters do not reach the terminal, and that the end is said."""
    create(daemon, start=True)
    it = command(daemon, "--stage", "source", "--max", "3", "p")
    out, err = it.communicate(timeout=30)
    lines = out.splitlines()
    assert it.returncode == 0 and len(lines) == 3 and all('{"seq":' in line and " source " in line for line in lines)
    assert err == "outflow: 3 shown, 0 not\n"


def test_lines_for_programs(daemon):
    """Proves that each line is an object of JSON, up to the end of the pipeline."""
    create(daemon, source={"class": "gen", "count": 5})
    it = command(daemon, "--json", "--stage", "sink", "--stage", "deadletter", "p")
    assert json.loads(it.stdout.readline()) == {"event": "tap", "pipeline": "p", "state": "READY"}
    act(daemon, "start")
    out, _ = it.communicate(timeout=30)
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["event"] for e in events] == ["record"] * 5 + ["end"] and it.returncode == 0
    assert [json.loads(e["value"])["seq"] for e in events[:5]] == list(range(5))


def test_exit_statuses(daemon, tmp_path):
    """Proves that a program can tell by the exit status what was wrong."""
    create(daemon)

    def status(*words, where=daemon):
        it = command(where, *words)
        it.communicate(timeout=30)
        return it.returncode
    assert status("none") == 1
    assert status() == status("p", "q") == status("p", "--nothing") == 2
    assert status("p", "--max", "x") == status("p", "--stage", "nowhere") == 2
    assert status("p", "--url", f"http://127.0.0.1:{servers.free_port()}") == 3
    failing = command(daemon, "--json", "p")
    failing.stdout.readline()
    daemon.kill()
    failing.communicate(timeout=30)
    assert failing.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_in_order(daemon, number):
    """Proves that Ctrl-C ends it with its sum and without an error, and that its place is free."""
    create(daemon, start=True)
    it = command(daemon, "p")
    it.stdout.readline()
    it.send_signal(number)
    _, err = it.communicate(timeout=10)
    assert it.returncode == 0 and " shown, " in err
    killed = [command(daemon, "p") for _ in range(4)]
    for each in killed:
        each.stdout.readline()
        each.kill()
        each.communicate(timeout=10)
    servers.wait_until(lambda: daemon.listen("/v1/pipelines/p/tap").status == 200, 20, "there is a place")
