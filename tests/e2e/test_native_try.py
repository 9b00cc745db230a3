# SPDX-License-Identifier: Apache-2.0
"""Patterns and pipelines tried over the native API: the commands' own answers, nothing sent, no secret, and no plugin or
request that holds up the daemon."""
import base64
import hmac
import json
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import native_client
import servers

HOT = {"data": {"body": {"temp": [{"numeric": [">", 50]}]}}}
TIME = 1769860800000
PLANT = """
  { name = "plant"; state = "stopped"; description = "not run here";
    source = { class = "mqtt"; broker = "tcp://127.0.0.1:9"; topics = [ "plant/+/temperature" ];
               password = "${env:OUTFLOW_TEST_PASSWORD}"; };
    filter = { pattern = "{\\"data\\":{\\"body\\":{\\"temp\\":[{\\"numeric\\":[\\">\\",50]}]}}}"; };
    transforms = ( { name = "r"; class = "rename"; fields = [ "temp:celsius" ]; } );
    sink = { class = "kafka"; bootstrap = "127.0.0.1:9"; topic = "plant"; key = "$.data.body.dev";
             value = { form = "JSONPATH"; value = "$.data.body"; }; };
    errors = { tolerance = "all"; };
    deadletter = { class = "kafka"; bootstrap = "127.0.0.1:9"; topic = "plant-dlq"; }; }
"""
STUCK = {"source": {"class": "gen"}, "sink": {"class": "null"}}


class Daemon(native_client.Daemon):
    """With less patience than by default."""

    def __init__(self, directory, timeout="3s", api="", **options):
        super().__init__(directory, f"pipelines = ( {PLANT} );\n", f'request = {{ timeout = "{timeout}"; }}; {api}',
                         plugs=["stuck.so"], **options)

    def start(self, env=None):
        return super().start({"OUTFLOW_TEST_PASSWORD": "opensesame", **(env or {})})

    def test_pattern(self, **body):
        return self.call("POST", "/v1/pattern/test", body)

    def try_it(self, pipeline, *messages):
        return self.call("POST", "/v1/try", {"pipeline": pipeline, "messages": list(messages)})

    def raw(self, path, body):
        request = urllib.request.Request(self.url + path, body, method="POST",
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, told = answer.status, answer.read()
        except urllib.error.HTTPError as failure:
            status, told = failure.code, failure.read()
        self.checked("POST", path, status, {"Content-Type": "application/json"}, told)
        return status, told


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    it = Daemon(tmp_path_factory.mktemp("try") / "daemon").start()
    yield it
    it.stop()
    assert it.child.returncode == 0 and "opensesame" not in it.log.read_text()


def outflow(daemon, *words):
    """What the command says, whatever its exit status."""
    done = subprocess.run([str(w) for w in (servers.BUILD / "outflow", *words)], capture_output=True, timeout=60,
                          env={"OUTFLOW_TEST_PASSWORD": "opensesame",
                               "OUTFLOW_PLUGIN_PATH": f"{servers.BUILD / 'plugins'}:{daemon.plugins}"})
    return json.loads(done.stdout)


def wrong(answer, status, pointer, says):
    assert answer.status == status, answer.json
    problem = answer.json["problems"][0]
    assert problem["pointer"] == pointer and says in problem["message"], answer.json
    return problem


# ---- patterns ----

def test_verdicts(daemon):
    """Proves that each event gets its verdict, whichever way it is given, and a reason when it does not fit."""
    answer = daemon.test_pattern(pattern=HOT, events=[{"data": {"body": {"temp": t}}} for t in (61, 21)])
    assert answer.status == 200 and [r["matched"] for r in answer.json["results"]] == [True, False]
    assert answer.json["results"][0]["reason"] is None
    assert "$.data.body.temp: 21 does not fit" in answer.json["results"][1]["reason"]
    one = daemon.test_pattern(pattern=json.dumps(HOT), event=json.dumps({"data": {"body": {"temp": 61}}}))
    assert [r["matched"] for r in one.json["results"]] == [True]
    payloads = [{"temp": 61}, '{"temp": 61}', '{"temp": 21}', "{"]
    answer = daemon.test_pattern(pattern=HOT, messages=[{"payload": p} for p in payloads] + [
        {"payload_base64": base64.b64encode(b'{"temp":61}').decode()}, {"event": {"data": {"body": {"temp": 61}}}}])
    assert [r["matched"] for r in answer.json["results"]] == [True, True, False, None, True, True]
    assert "payload: not JSON" in answer.json["results"][3]["reason"]
    who = {"data": {"key": ["k"], "props": {"topic": ["a/b"], "userProperties": {"key": ["site"], "value": ["n"]}}}}
    for properties in ({"site": "n"}, [["other", "x"], ["site", "n"]]):
        message = {"payload": "x", "topic": "a/b", "key": "k", "properties": properties}
        assert daemon.test_pattern(pattern=who, format="text", message=message).json["results"][0]["matched"] is True
    assert daemon.test_pattern(pattern={}, event={}).json["results"][0]["matched"] is True


@pytest.mark.parametrize("dialect", ["union", "alibaba", "aws"])
def test_explanations_are_the_commands(daemon, dialect):
    """Proves that verdict and explanation are, byte by byte, those of `outflow pattern explain`, digits included."""
    for pattern, event in ((HOT, '{"data":{"body":{"temp":21.0000000000000000001}}}'),
                           (HOT, '{"data":{"body":{"temp":[61, 3e+40, 0.10]}}}'),
                           ({"subject": ["x", {"prefix": "y"}], "data": {"c": [None]}},
                            '{"subject":"yes","data":{"c":null}}')):
        pattern = json.dumps(pattern)
        told = subprocess.run([servers.BUILD / "outflow", "pattern", "explain", "--plugin-path",
                               servers.BUILD / "plugins", "--json", "--dialect", dialect, pattern, event],
                              capture_output=True, timeout=60).stdout
        status, body = daemon.raw("/v1/pattern/test",
                                  f'{{"pattern":{pattern},"dialect":"{dialect}","event":{event}}}'.encode())
        assert status == 200
        explanation = body.split(b'"explanation":', 1)[1].rsplit(b"}]}", 1)[0]
        assert told == b'{"ok": true, "data": ' + explanation + b', "errors": []}\n'


def test_a_bad_pattern_has_a_place(daemon):
    """Proves that what is wrong with a pattern is said in the command's words, with pointer, line and column."""
    text = '{\n  "a": ["x"],\n  "b/c": {"d": [{"numric": [">", 1]}]}\n}'
    status, body = daemon.raw("/v1/pattern/test", f'{{"event":{{}},"pattern":{text}}}'.encode())
    problem = json.loads(body)["problems"][0]
    told = outflow(daemon, "pattern", "test", "--json", text, "{}")["errors"][0]["message"]
    assert status == 400 and problem["message"] == told
    assert "the nearest is 'numeric'" in told and "(line 3, column 28)" in told
    assert (problem["pointer"], problem["line"], problem["column"]) == ("/pattern/b~1c/d/0/numric", 3, 28)
    problem = wrong(daemon.test_pattern(pattern=text, event={}), 400, "/pattern", "numric")
    assert (problem["line"], problem["column"]) == (3, 28)
    problem = wrong(daemon.test_pattern(pattern='{\n"a":', event={}), 400, "/pattern", "pattern.json: not JSON")
    assert (problem["line"], problem["column"]) == (2, 5)
    wrong(daemon.test_pattern(pattern=[1], event={}), 400, "/pattern", "a pattern is a JSON object")


def test_what_a_pattern_test_refuses(daemon):
    """Proves that each thing that is wrong with a request has its place, and a suggestion when there is one."""
    wrong(daemon.test_pattern(patern=HOT, event={}), 400, "/patern", "did you mean 'pattern'?")
    wrong(daemon.test_pattern(event={}), 400, "/pattern", "is required")
    wrong(daemon.test_pattern(pattern=HOT), 400, "/event", "is required")
    wrong(daemon.test_pattern(pattern=HOT, event={}, events=[{}]), 400, "/events", "only one of them")
    wrong(daemon.test_pattern(pattern=HOT, events=[]), 400, "/events", "something in it")
    wrong(daemon.test_pattern(pattern=HOT, events={}), 400, "/events", "something in it")
    wrong(daemon.test_pattern(pattern=HOT, event={}, dialect="awz"), 400, "/dialect", "not one of union, alibaba, aws")
    wrong(daemon.test_pattern(pattern=HOT, event={}, dialect=1), 400, "/dialect", "is a text")
    wrong(daemon.test_pattern(pattern=HOT, event={}, format="xml"), 400, "/format", "json, text or binary")
    wrong(daemon.test_pattern(pattern=HOT, messages=[{}]), 400, "/messages/0/payload", "is required")
    wrong(daemon.test_pattern(pattern=HOT, messages=[{"payload": "", "event": {}}]), 400, "/messages/0/event", "beside")
    wrong(daemon.test_pattern(pattern=HOT, message={"payload_base64": "a$=="}), 400, "/message/payload_base64", "Base64")
    wrong(daemon.test_pattern(pattern=HOT, messages=[{"payload": ""}, {"payload": "", "topik": "a"}]), 400,
          "/messages/1/topik", "did you mean 'topic'?")
    for properties in ("a", {"a": 1}, [["a"]], [["a", 1]], ["a"], [{"key": "a"}]):
        wrong(daemon.test_pattern(pattern=HOT, message={"payload": "", "properties": properties}), 400,
              "/message/properties", "an object of texts, or a list of pairs")
    for timestamp in ("soon", -1, 1.5, 253402300800000):
        wrong(daemon.test_pattern(pattern=HOT, message={"payload": "", "timestamp": timestamp}), 400,
              "/message/timestamp", "milliseconds since 1970, before the year 10000")
    wrong(daemon.test_pattern(pattern=HOT, message=1), 400, "/message", "is an object")
    assert daemon.call("POST", "/v1/pattern/test", [1]).status == 400


def test_sizes_are_bounded(daemon):
    """Proves that too many messages, too long bodies and JSON bombs are refused, and that the API answers afterwards."""
    wrong(daemon.test_pattern(pattern=HOT, events=101 * [{}]), 413, "/events", "has 101 elements, and may have 100")
    assert len(daemon.test_pattern(pattern=HOT, events=100 * [{}]).json["results"]) == 100
    wrong(daemon.try_it("plant", *(101 * [{"payload": ""}])), 413, "/messages", "may have 100")
    for body in (b"", b"{", b"[" * 5000, b'{"pattern":' * 200, b'{"pattern":{},"event":' + b"[" * 64 + b"]" * 64 + b"}",
                 b'{"pattern":{},"event":"\\ud800"}', b'{"pattern":{},"event":"\xff"}', b"null", b'"x"',
                 b'{"pattern":{"a":["x\\u0000"]},"event":{}}', b'{"pattern":{},"events":[' + b"0," * 99999 + b"0]}"):
        for path in ("/v1/pattern/test", "/v1/try"):
            status, answer = daemon.raw(path, body)
            assert status in (400, 413), (body[:40], status)
            assert json.loads(answer)["message"]
    huge = {"a": [{"wildcard": "*a" * 2000 + "*"}]}
    assert daemon.test_pattern(pattern=huge, event={}).status == 400
    grows = {"source": {"class": "gen"}, "sink": {"class": "null", "value": {"form": "TEMPLATE", "value": {
        "x": "$.data.body"}, "template": 200 * "${x}"}}}
    answer = daemon.try_it(grows, *(10 * [{"payload": json.dumps(90000 * "y")}]))
    assert answer.status == 422 and "more than 8 MiB: try fewer or smaller ones" in answer.json["message"], answer.json
    assert daemon.get("/v1/pipelines").status == 200


# ---- pipelines ----

MESSAGES = [
    {"topic": "plant/p1/temperature", "payload": '{"temp":61,"dev":"p1"}', "timestamp": TIME},
    {"topic": "plant/p1/temperature", "payload": '{"temp":21,"dev":"p1"}', "timestamp": TIME},
    {"topic": "plant/p1/temperature", "payload": '{"temp":61}', "timestamp": TIME},
    {"topic": "plant/p1/temperature", "payload": "no JSON", "timestamp": TIME, "properties": {"a": "b"}},
    {"topic": "plant/p1/temperature", "payload": '{"temp":1e999,"dev":"\u00e4"}', "timestamp": TIME, "key": "k"},
]


def by_command(daemon, message):
    words = ["--topic", message["topic"], "--payload", message["payload"], "--timestamp", str(message["timestamp"])]
    for name, value in message.get("properties", {}).items():
        words += ["--header", f"{name}={value}"]
    if "key" in message:
        words += ["--key", message["key"]]
    return outflow(daemon, "try", "plant", daemon.config, *words, "--json")["data"]


def without_times(answer):
    """When a dead letter was made is nobody's business here, and two were not made at once."""
    for failure in answer["failures"]:
        for letter in [failure.get("dead_letter") or {}]:
            letter["headers"] = [h for h in letter.get("headers", []) if not h[0].endswith(".time")]
            letter.pop("timestamp", None)
    return answer


def test_answers_are_the_commands(daemon):
    """Proves that every stage, record and dead letter is that of `outflow try`: output, filtered, rejected."""
    for message in MESSAGES:
        answer = daemon.try_it("plant", message)
        assert answer.status == 200, answer.json
        assert without_times(answer.json["results"][0]) == without_times(by_command(daemon, message))
    answer = daemon.try_it("plant", *MESSAGES)
    assert [r["result"] for r in answer.json["results"]][:4] == ["output", "filtered", "output", "rejected"]
    first = answer.json["results"][0]
    assert [s["stage"] for s in first["stages"]] == ["convert", "filter", "transforms.r", "deliver"]
    assert [(o["topic"], o["key"], json.loads(o["value"])) for o in first["outputs"]] == [
        ("plant", "p1", {"celsius": 61, "dev": "p1"})]
    assert "21 does not fit" in answer.json["results"][1]["stages"][1]["explanations"][0]["reason"]
    letter = answer.json["results"][3]["failures"][0]["dead_letter"]
    assert (letter["topic"], letter["value"]) == ("plant-dlq", "no JSON")
    assert "opensesame" not in json.dumps(answer.json)


def test_a_pipeline_of_ones_own(daemon):
    """Proves that a pipeline needs not be there, nested or flat, and that what is wrong with it has a pointer."""
    own = {"source": {"class": "gen"}, "sink": {"class": "null", "topic": "t", "value": {
        "form": "JSONPATH", "value": "$.data.body"}}, "transforms": [{"class": "rename", "fields": ["a:b"]}]}
    answer = daemon.try_it(own, {"payload": {"a": 1.50}})
    record = answer.json["results"][0]["outputs"][0]
    assert (answer.json["pipeline"], record["topic"], record["value"]) == ("try", "t", '{"b":1.5}')
    flat = {"config": {"source.class": "gen", "sink.class": "null", "filter.pattern": json.dumps(HOT)}}
    assert daemon.try_it(flat, {"payload": "{}"}).json["results"][0]["result"] == "filtered"
    connect = {"config": {"connector.class": "FileStreamSource", "file": "/nowhere", "topic": "t",
                          "producer.override.bootstrap.servers": "127.0.0.1:9"}}
    assert daemon.try_it(connect, {"payload": "x"}).status in (200, 400)
    bad = daemon.try_it({"source": {"class": "genn"}, "sink": {"class": "null", "x": 1}}, {"payload": ""})
    assert bad.status == 400
    assert {p["pointer"] for p in bad.json["problems"]} == {"/pipeline/source/class", "/pipeline/sink/x"}
    bad = daemon.try_it({"source": {"class": "gen", "x": None}, "sink": {"class": "null"}}, {"payload": ""})
    assert (bad.status, bad.json["problems"][0]["pointer"]) == (400, "/pipeline/source/x"), bad.json
    bad = daemon.try_it({"config": {"source.class": "gen", "sink.class": "null", "y": 1}}, {"payload": ""})
    assert [p["pointer"] for p in bad.json["problems"]] == ["/pipeline/config/y"]
    wrong(daemon.try_it(1, {"payload": ""}), 400, "/pipeline", "is required")
    wrong(daemon.try_it("plant", {"payload": ""}), 400, "/messages/0/topic", "such as plant/+/temperature")
    assert daemon.try_it("plnat", {"payload": ""}).status == 404
    assert daemon.get("/v1/pipelines").json["total"] == 1
    bare = daemon.call("POST", "/v1/try", {"pipeline": own, "message": {"payload_base64": "AAH/"}})
    assert bare.json["results"][0]["source"]["value"] == {"base64": "AAH/"}


def test_nothing_is_connected_to(daemon):
    """Proves that neither brokers nor a function are called: who listens there sees nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        own = {"source": {"class": "mqtt", "broker": f"tcp://127.0.0.1:{port}", "topics": ["a"]},
               "transforms": [{"name": "f", "class": "function", "url": f"http://127.0.0.1:{port}/"}],
               "sink": {"class": "kafka", "bootstrap": f"127.0.0.1:{port}", "topic": "t"}}
        answer = daemon.try_it(own, {"payload": "{}"})
        result = answer.json["results"][0]
        assert (result["result"], result["failures"][0]["stage"]) == ("unknown", "transforms.f")
        assert "calls another program" in result["failures"][0]["reason"]
        own["transforms"] = []
        assert daemon.try_it(own, {"payload": "{}"}).json["results"][0]["result"] == "output"
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_what_references_lead_to_stays_hidden(daemon):
    """Proves that a value behind a reference comes out of no stage, while numbers behind one are used."""
    own = {"source": {"class": "gen"}, "sink": {"class": "null", "key": "${env:OUTFLOW_TEST_PASSWORD}", "value": {
        "form": "TEMPLATE", "value": {"a": "$.data.body"}, "template": "<${env:OUTFLOW_TEST_PASSWORD} ${a}>"}}}
    answer = daemon.try_it(own, {"payload": "1"})
    assert answer.status == 200, answer.json
    record = answer.json["results"][0]["outputs"][0]
    assert (record["key"], record["value"]) == ("[hidden]", "<[hidden] 1>")
    own = {"source": {"class": "gen", "topic": "${env:OUTFLOW_TEST_PASSWORD}"}, "sink": {"class": "null"}}
    wrong(daemon.try_it(own, {"payload": "1"}), 400, "/messages/0/topic", "hidden behind a reference")
    assert daemon.try_it(own, {"payload": "1", "topic": "t"}).json["results"][0]["outputs"][0]["topic"] == "t"
    masked = {"source": {"class": "mqtt", "broker": "tcp://127.0.0.1:9", "topics": ["a"], "password": "[hidden]"},
              "sink": {"class": "null"}, "name": "plant"}
    assert "opensesame" not in json.dumps(daemon.try_it(masked, {"payload": "1"}).json)


def test_secrets_do_no_work_for_who_tries(daemon):
    """Proves that nobody can have digests made with a pipeline's secret, and so find out what stands behind a digest."""
    def digest(secret):
        own = {**STUCK, "transforms": [{"class": "mask", "paths": ["$.data.body.a"], "method": "hmac-sha256", "secret": secret}]}
        return json.loads(daemon.try_it(own, {"payload": {"a": "x"}}).json["results"][0]["outputs"][0]["value"])["a"]

    unknown = hmac.new(b"[hidden]", b"x", "sha256").hexdigest()
    assert [digest(s) for s in ("plain", "other", "${env:OUTFLOW_TEST_PASSWORD}")] == 3 * [unknown]


def test_a_trial_leaves_no_trace(daemon):
    """Proves that a trial that fails is no line of the log, whatever the pipeline says of errors."""
    before = daemon.log.read_text()
    own = {"name": "plant", "source": {"class": "gen"}, "sink": {"class": "null"},
           "errors": {"tolerance": "all", "log": {"enable": True}},
           "transforms": [{"class": "enrich", "file": "/nowhere.csv"}]}
    assert daemon.try_it(own, {"payload": "x"}).status == 400
    own["transforms"] = []
    assert daemon.try_it(own, {"payload": "x"}).json["results"][0]["result"] == "rejected"
    assert daemon.log.read_text() == before


# ---- plugins that hang ----

def test_a_plugin_that_hangs_holds_up_nobody(daemon, tmp_path):
    """Proves that a stage that hangs is a 504 in time, that the API goes on, and that it may come back."""
    until = tmp_path / "until"
    for at in ("create", "apply"):
        stuck = {**STUCK, "transforms": [{"class": "stuck", "at": at, "until": str(until)}]}
        answer = daemon.try_it(stuck, {"payload": "{}"})
        assert answer.status == 504 and "did not come back in time" in answer.json["message"]
        assert daemon.test_pattern(pattern=HOT, event={}).status == 200
    until.touch()
    copies = []
    for _ in range(5):
        assert daemon.try_it(stuck, {"payload": "{}"}).json["results"][0]["result"] == "output"
        copies.append(sorted(daemon.state_dir.glob("plugins/*stuck*")))
    assert len(copies[0]) >= 3 and copies[-1] == copies[1], "a copy of the plugin is used again"


def test_threads_that_hang_are_bounded(tmp_path):
    """Proves that after so many calls that hang nothing more is tried, until they come back; everything else goes on."""
    daemon = Daemon(tmp_path / "daemon", "100ms").start()
    until = tmp_path / "until"
    stuck = {**STUCK, "transforms": [{"class": "stuck", "until": str(until)}]}
    try:
        statuses = [daemon.try_it(stuck, {"payload": "{}"}).status for _ in range(18)]
        assert statuses == 16 * [504] + 2 * [503]
        assert daemon.test_pattern(pattern=HOT, event={}).status == 503
        assert daemon.get("/v1/pipelines").status == 200
        until.touch()
        servers.wait_until(lambda: daemon.test_pattern(pattern=HOT, event={}).status == 200, 20, "they came back")
    finally:
        daemon.kill()


def test_a_stop_does_not_wait_for_a_trial_that_hangs(tmp_path):
    """Proves that the daemon ends although a trial never does."""
    daemon = Daemon(tmp_path / "daemon", "100ms").start()
    try:
        assert daemon.try_it({**STUCK, "transforms": [{"class": "stuck", "until": "/nowhere/at/all"}]},
                             {"payload": "{}"}).status == 504
        daemon.stop()
        assert daemon.child.returncode == 0
    finally:
        daemon.kill()


# ---- who may ----

def test_who_may_try(tmp_path):
    """Proves that a read-only user tests patterns, tries pipelines that are there, and none of their own."""
    users = 'users = ( { name = "board"; token = "b0ard"; role = "read-only"; }, { name = "root"; token = "r00t"; } );'
    board, root = {"Authorization": "Bearer b0ard"}, {"Authorization": "Bearer r00t"}
    daemon = Daemon(tmp_path / "daemon", api=users, headers=root).start()
    message = {"topic": "plant/a/temperature", "payload": "{}"}
    try:
        for who in (board, root):
            assert daemon.call("POST", "/v1/pattern/test", {"pattern": {}, "event": {}}, **who).status == 200
            assert daemon.call("POST", "/v1/try", {"pipeline": "plant", "message": message}, **who).status == 200
            assert daemon.call("GET", "/v1/plugins/gen", **who).status == 200
        own = {"pipeline": STUCK, "message": message}
        assert daemon.call("POST", "/v1/try", own, **root).status == 200
        wrong(daemon.call("POST", "/v1/try", own, **board), 403, "/pipeline", "board may look")
        assert daemon.call("POST", "/v1/try", own, Authorization="Bearer other").status == 401
    finally:
        daemon.kill()


# ---- plugins ----

def test_plugins_describe_themselves(daemon):
    """Proves that a plugin shows what `outflow plugins describe` shows of each component, and which keys are secret."""
    for plugin, component in (("gen", "gen/source"), ("kafka", "kafka/sink"), ("event", "event/filter")):
        answer = daemon.get(f"/v1/plugins/{plugin}")
        assert answer.status == 200 and answer.json["id"] == plugin
        told = outflow(daemon, "plugins", "describe", component, "--json")["data"]
        assert told[0] in answer.json["components"]
    keys = {k["name"]: k for k in daemon.get("/v1/plugins/stuck").json["components"][0]["keys"]}
    assert keys["at"]["choices"] == ["create", "apply"] and keys["at"]["default"] == "apply"
    assert keys["password"]["secret"] and not keys["at"]["secret"]


def test_a_plugin_that_is_not_there(daemon):
    """Proves that who mistypes a plugin, or names a component, is told what was meant."""
    for name, says in (("kafak", "did you mean 'kafka'?"), ("rename", "component of 'fields'"),
                       ("x" * 50, "GET /v1/plugins lists")):
        answer = daemon.get(f"/v1/plugins/{name}")
        assert answer.status == 404 and says in answer.json["message"]
