# SPDX-License-Identifier: Apache-2.0
"""EventBridge's API: the vendor's SDK as it is drives MQTT -> Kafka through its whole life, and what is not signed, not known or
not possible here is refused by name."""
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import subprocess
import textwrap
import time
import uuid

import pytest

import clients
import native_client
import oracle
import servers

USERS = """
api = { listeners = [ "http://127.0.0.1:0" ]; users = (
  { name = "sdk"; token = "t"; key = { id = "AKID"; secret = "${file:%s}"; }; },
  { name = "eyes"; role = "read-only"; key = { id = "EYES"; secret = "look"; }; } ); };
connections = ( { name = "plant"; class = "mqtt"; broker = "%s"; }, { name = "lake"; class = "kafka"; bootstrap = "%s"; } );
"""


class Daemon(native_client.Daemon):
    def __init__(self, directory, mqtt, kafka):
        directory.mkdir()
        secret = directory / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o600)
        super().__init__(directory / "run", "", state_dir=directory / "state")
        self.config.write_text(USERS % (secret, mqtt, kafka))

    def call(self, method, path, body=None, **headers):
        return super().call(method, path, body, Authorization="Bearer t", **headers)


class Sdk:
    """The vendor's program; raw() returns what was refused, call() wants success."""

    def __init__(self, place, url, key=("AKID", "s3cret")):
        self.child = subprocess.Popen(
            ["/usr/bin/python3", clients.FETCH.parent / "eventbridge/drive.py", url.removeprefix("http://")],
            env=dict(os.environ, PYTHONPATH=str(place), ALIBABA_CLOUD_ACCESS_KEY_ID=key[0],
                     ALIBABA_CLOUD_ACCESS_KEY_SECRET=key[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def raw(self, action, **request):
        self.child.stdin.write(json.dumps({"action": action, "request": request}) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def call(self, action, **request):
        body = self.raw(action, **request)
        assert body.get("Success") is True and body["Code"] == "Success" and body["RequestId"], body
        return body.get("Data")

    def refusal(self, action, **request):
        body = self.raw(action, **request)
        assert "refused" in body, (action, request, body)
        return body["refused"], body["message"]

    def close(self):
        self.child.stdin.close()
        self.child.wait(timeout=20)


@pytest.fixture(scope="module")
def place():
    return clients.fetch("eventbridge")["eventbridge"]


@pytest.fixture
def daemon(tmp_path, kafka, mosquitto):
    it = Daemon(tmp_path / "daemon", mosquitto.url, kafka.bootstrap)
    try:
        yield it.start()
    finally:
        it.stop()


@pytest.fixture
def sdk(place, daemon):
    it = Sdk(place, daemon.url)
    yield it
    it.close()


def constant(value):
    return {"Form": "CONSTANT", "Value": value}


def path(value):
    return {"Form": "JSONPATH", "Value": value}


def task(name, topic, **more):
    return {"EventStreamingName": name, "Description": "d", "FilterPattern": json.dumps({"data": {"body": {"seq": [{"exists": True}]}}}),
            "Source": {"SourceMQTTParameters": {"InstanceId": "plant", "RegionId": "here", "Topic": "plant/#", "BodyDataType": "JSON"}},
            "Sink": {"SinkKafkaParameters": {"InstanceId": constant("lake"), "Topic": constant(topic), "Acks": constant("all"),
                                             "Key": path("$.data.body.dev"), "Value": path("$.data.body")}},
            "RunOptions": {"MaximumTasks": 1, "ErrorsTolerance": "ALL", "BatchWindow": {"CountBasedWindow": 100, "TimeBasedWindow": 1},
                           "RetryStrategy": {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY", "MaximumEventAgeInSeconds": 3600}},
            "Tags": [{"Key": "team", "Value": "line one"}], **more}


def wait_status(sdk, name, status):
    servers.wait_until(lambda: sdk.call("get_event_streaming", EventStreamingName=name)["Status"] == status, 20,
                       f"{name} is {status}")


def test_a_task_through_its_whole_life(sdk, daemon, kafka, mosquitto, topic):
    """Proves that the unmodified SDK creates, starts, watches, pauses, changes and deletes a task whose messages all arrive."""
    made = sdk.call("create_event_streaming", **task("line", topic))
    assert made["EventStreamingARN"].endswith("eventstreaming/line")
    shown = sdk.call("get_event_streaming", EventStreamingName="line")
    assert shown["Status"] == "READY" and shown["Sink"] == task("line", topic)["Sink"]
    assert shown["Source"] == task("line", topic)["Source"] and shown["FilterPattern"] == task("line", topic)["FilterPattern"]
    assert shown["RunOptions"] == task("line", topic)["RunOptions"] and shown["Description"] == "d"
    sdk.call("start_event_streaming", EventStreamingName="line")
    wait_status(sdk, "line", "RUNNING")
    daemon.wait_subscribed()
    publisher = oracle.Publisher(mosquitto.port).start()
    servers.wait_until(lambda: sdk.call("get_event_streaming", EventStreamingName="line")["DetailedStatus"]["TPS"] > 0, 20, "it flows")
    sdk.call("pause_event_streaming", EventStreamingName="line")
    wait_status(sdk, "line", "PAUSED")
    sdk.call("update_event_streaming", EventStreamingName="line", Description="changed",
             **{k: v for k, v in task("line", topic).items() if k in ("Source", "Sink", "RunOptions", "FilterPattern")})
    assert sdk.call("get_event_streaming", EventStreamingName="line")["Description"] == "changed"
    wait_status(sdk, "line", "PAUSED")
    sdk.call("start_event_streaming", EventStreamingName="line")
    wait_status(sdk, "line", "RUNNING")
    publisher.finish()
    oracle.verdict(kafka.bootstrap, topic, publisher).check()
    sdk.call("delete_event_streaming", EventStreamingName="line")
    code, message = sdk.refusal("get_event_streaming", EventStreamingName="line")
    assert code == "EventStreamingNotExisted" and "line" in message
    assert daemon.get("/v1/pipelines/line").status == 404


def test_the_program_of_the_documentation(place, tmp_path, kafka, mosquitto, topic):
    """Proves that doc/eventbridge.md shows a configuration and a program that work, but for its addresses."""
    page = (pathlib.Path(__file__).resolve().parents[2] / "doc/eventbridge.md").read_text()
    config, program = (textwrap.dedent(part) for part in
                       (re.search(rf"^    {start}.*?(?=^\S)", page, re.S | re.M)[0] for start in ("api = ", "from ")))
    daemon = Daemon(tmp_path / "daemon", mosquitto.url, kafka.bootstrap)
    there = {"/etc/outflow/console.secret": str(daemon.config.parent.parent / "secret"), "tcp://10.0.0.5:1883": mosquitto.url,
             "10.0.0.9:9092": kafka.bootstrap, '"Value": "line"': f'"Value": "{topic}"'}
    daemon.config.write_text(replaced(config, there).replace(
        "api = { users = (", 'api = { listeners = [ "http://127.0.0.1:0" ]; users = ( { name = "tester"; token = "t"; },'))
    try:
        daemon.start()
        there["127.0.0.1:8083"] = daemon.url.removeprefix("http://")
        done = subprocess.run(["/usr/bin/python3", "-c", replaced(program, there) + "\nprint(status)"], stdout=subprocess.PIPE,
                              env=dict(os.environ, PYTHONPATH=str(place)), timeout=60, check=False)
    finally:
        daemon.stop()
    assert done.returncode == 0 and done.stdout.decode().strip() in ("STARTING", "RUNNING")


def replaced(text, by):
    for old, new in by.items():
        text = text.replace(old, new)
    return text


def test_a_list_by_prefix_tag_and_page(sdk, topic):
    """Proves that a list has the streams that were asked for, page after page, each once."""
    for i in range(5):
        sdk.call("create_event_streaming", **task(f"page{i}", topic, Tags=[{"Key": "odd", "Value": str(i % 2)}]))
    sdk.call("create_event_streaming", **task("other", topic))
    seen, token = [], None
    while token != "":
        page = sdk.call("list_event_streamings", NamePrefix="page", Limit=2, NextToken=token)
        assert page["Total"] == 5 and len(page["EventStreamings"]) <= 2
        seen, token = seen + [s["EventStreamingName"] for s in page["EventStreamings"]], page["NextToken"]
    assert seen == [f"page{i}" for i in range(5)]
    odd = sdk.call("list_event_streamings", Tags=[{"Key": "odd", "Value": "1"}])
    assert [s["EventStreamingName"] for s in odd["EventStreamings"]] == ["page1", "page3"]
    assert sdk.call("list_event_streamings")["Total"] == 6
    for wrong in ({"Limit": 0}, {"Limit": 101}, {"SourceArn": "acs:mqtt"}):
        code, message = sdk.refusal("list_event_streamings", **wrong)
        assert code == "InvalidParameter" and next(iter(wrong)) in message


def changed(base, path, value):
    """A deep copy with one field of another value."""
    copy = json.loads(json.dumps(base))
    *way, last = path.split(".")
    at = copy
    for name in way:
        at = at.setdefault(name, {})
    at[last] = value
    return copy


REFUSED = [
    ("EventStreamingName", "a_b", "EventStreamingName"),
    ("EventStreamingName", "eventbridge-reserved-x", "EventStreamingName"),
    ("Source.SourceMQTTParameters.VpcId", "vpc-1", "VpcId"),
    ("Source.SourceMQTTParameters.NetworkType", "PublicNetwork", "NetworkType"),
    ("Source.SourceMQTTParameters.VSwitchIds", "vsw-1", "VSwitchIds"),
    ("Source.SourceMQTTParameters.SecurityGroupId", "sg-1", "SecurityGroupId"),
    ("Source.SourceMQTTParameters.BodyDataType", "XML", "BodyDataType"),
    ("Source.SourceMQTTParameters.InstanceId", "nowhere", "SourceMQTTParameters.InstanceId"),
    ("Source.SourceMQTTParameters.InstanceId", "", "SourceMQTTParameters.InstanceId"),
    ("Source.SourceMQTTParameters.Topic", "a/#/b", "SourceMQTTParameters.Topic"),
    ("Source", {"SourceMNSParameters": {"QueueName": "q"}}, "SourceMNSParameters"),
    ("Sink", {"SinkFcParameters": {"ServiceName": constant("f")}}, "SinkFcParameters"),
    ("Sink.SinkKafkaParameters.Topic", constant("no such/topic"), "SinkKafkaParameters.Topic"),
    ("Sink.SinkKafkaParameters.Topic", path("$.x"), "Topic.Form"),
    ("Sink.SinkKafkaParameters.DynamicTopic", path("$.x"), "DynamicTopic"),
    ("Sink.SinkKafkaParameters.Acks", constant("7"), "SinkKafkaParameters.Acks"),
    ("Sink.SinkKafkaParameters.Key", path("$.["), "SinkKafkaParameters.Key"),
    ("Sink.SinkKafkaParameters.CompressionType", "zip", "CompressionType"),
    ("FilterPattern", '{"data": 1}', "FilterPattern"),
    ("FilterPattern", "no json", "FilterPattern"),
    ("Metadata", "{}", "Metadata"),
    ("Transforms", [{"Arn": "acs:fc:here:1:services/f"}], "Transforms.1.Arn"),
    ("RunOptions.MaximumTasks", 0, "MaximumTasks"),
    ("RunOptions.Throttling", -1, "Throttling"),
    ("RunOptions.BusinessOption", {"BusinessMode": "SERVERLESS"}, "BusinessOption"),
    ("RunOptions.ErrorsTolerance", "SOME", "ErrorsTolerance"),
    ("RunOptions.BatchWindow.CountBasedWindow", 100000, "CountBasedWindow"),
    ("RunOptions.RetryStrategy.PushRetryStrategy", "NEVER", "PushRetryStrategy"),
    ("RunOptions.DeadLetterQueue", {"Arn": "acs:mns:here:1:/queues/q"}, "DeadLetterQueue.Arn"),
    ("RunOptions.DeadLetterQueue", {"Arn": "acs:alikafka:here:1:instance/lake/topic/d", "VpcId": "v"}, "DeadLetterQueue.VpcId"),
]


def test_what_is_not_possible_is_refused_by_name(sdk, daemon, topic):
    """Proves that no field is passed over: each that cannot be done here is named, and nothing is created."""
    for field, value, named in REFUSED:
        body = sdk.raw("create_event_streaming", **changed(task("x", topic), field, value))
        assert body.get("refused") == "InvalidParameter" and named in body["message"], (field, value, body)
    for missing in ("Source", "Sink", "EventStreamingName"):
        wanted = {k: v for k, v in task("x", topic).items() if k != missing}
        code, message = sdk.refusal("create_event_streaming", **wanted)
        assert code == "MissingParameter" and missing in message
    assert daemon.get("/v1/pipelines").json["total"] == 0
    assert "at most 127" in sdk.refusal("create_event_streaming", **task("x" * 128, topic))[1]


def test_errors_have_the_vendors_codes(sdk, place, daemon, topic):
    """Proves that programs which look at codes find those that the vendor's service gives."""
    sdk.call("create_event_streaming", **task("one", topic))
    assert sdk.refusal("create_event_streaming", **task("one", topic))[0] == "EventStreamingAlreadyExisted"
    for action in ("get", "start", "pause", "delete", "update"):
        assert sdk.refusal(f"{action}_event_streaming", EventStreamingName="none")[0] == "EventStreamingNotExisted"
    eyes = Sdk(place, daemon.url, ("EYES", "look"))
    assert eyes.call("get_event_streaming", EventStreamingName="one")["Status"] == "READY"
    assert eyes.refusal("delete_event_streaming", EventStreamingName="one")[0] == "NoPermission"
    eyes.close()
    for key, code in ((("NOBODY", "s3cret"), "InvalidAccessKeyId.NotFound"), (("AKID", "wrong"), "SignatureDoesNotMatch")):
        stranger = Sdk(place, daemon.url, key)
        assert stranger.refusal("list_event_streamings")[0] == code
        stranger.close()
    assert sdk.refusal("list_event_buses")[0] == "InvalidAction.NotFound"


EVENT = {"specversion": "1.0", "id": "1", "source": "acs:mqtt", "type": "t", "data": {"body": {"seq": 7}}}


def test_a_pattern_is_tested_by_the_filter_of_pipelines(sdk):
    """Proves that TestEventPattern says what the filter would do, in the vendor's dialect, and what is wrong is named."""
    for pattern, result in (({"data": {"body": {"seq": [7]}}}, True), ({"data": {"body": {"seq": [8]}}}, False),
                            ({"source": [{"prefix": "acs:"}]}, True), ({}, True)):
        answer = sdk.call("test_event_pattern", Event=json.dumps(EVENT), EventPattern=json.dumps(pattern))
        assert answer == {"Result": result}, pattern
    for event, pattern, code, named in ((EVENT, {"data": 1}, "InvalidParameter", "EventPattern: "),
                                        (EVENT, {"source": [{"wildcard": "*"}]}, "InvalidParameter", "EventPattern: "),
                                        ("{", {}, "InvalidParameter", "Event: "), ("", {}, "MissingParameter", "Event: ")):
        event = event if isinstance(event, str) else json.dumps(event)
        refused, message = sdk.refusal("test_event_pattern", Event=event, EventPattern=json.dumps(pattern))
        assert refused == code and named in message, (event, pattern, message)


def test_every_field_goes_both_ways(sdk, daemon, topic):
    """Proves that what a stream says becomes the pipeline's settings, and is shown again as it was said."""
    wanted = task("full", topic)
    kafka = wanted["Sink"]["SinkKafkaParameters"]
    del kafka["Topic"]
    kafka.update(DynamicTopic={"Form": "TEMPLATE", "Value": '{"d": "$.data.body.dev"}', "Template": "t-${d}"}, CompressionType="gzip",
                 Headers={"Form": "TEMPLATE", "Value": '{"d": "$.data.body.dev"}', "Template": '{"dev": "${d}"}'})
    wanted["Transforms"] = [{"Arn": "http://127.0.0.1:1/f"}, {"Arn": "http://127.0.0.1:1/g"}]
    wanted["RunOptions"].update(DeadLetterQueue={"Arn": "acs:alikafka:::instance/lake/topic/dead"}, MaximumTasks=1, Throttling=5)
    sdk.call("create_event_streaming", **wanted)
    config = daemon.look("full")["config"]
    assert config["transforms"] == "t1,t2" and config["transforms.t2.url"] == "http://127.0.0.1:1/g"
    assert (config["deadletter.connection"], config["deadletter.topic"], config["deadletter.mode"]) == ("lake", "dead", "raw")
    assert config["tags.team"] == "line one" and config["filter.dialect"] == "alibaba"
    shown = sdk.call("get_event_streaming", EventStreamingName="full")
    for part in ("Sink", "Source", "Transforms", "RunOptions", "FilterPattern"):
        assert shown[part] == wanted[part], part
    # A part that an update has takes the place of the old one; the others stay.
    sdk.call("update_event_streaming", EventStreamingName="full", Transforms=wanted["Transforms"][:1])
    shown = sdk.call("get_event_streaming", EventStreamingName="full")
    assert shown["Transforms"] == wanted["Transforms"][:1] and shown["Sink"] == wanted["Sink"]
    assert "transforms.t2.url" not in daemon.look("full")["config"]


class Request:
    """One by hand: ACS3-HMAC-SHA256 as the vendor describes it, and what a test changes before or after the signing."""

    def __init__(self, action="ListEventStreamings", body=b"", query=""):
        self.body, self.query, self.key = body, query, ("AKID", "s3cret")
        self.headers = {"host": None, "x-acs-action": action, "x-acs-version": "2020-04-01", "x-acs-signature-nonce": uuid.uuid4().hex,
                        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
                        "content-type": "application/x-www-form-urlencoded"}

    def signed(self, url):
        self.headers["host"] = url.removeprefix("http://")
        names = sorted(self.headers)
        request = "\n".join(["POST", "/", self.query, *(f"{n}:{self.headers[n].strip()}" for n in names), "", ";".join(names),
                             self.headers["x-acs-content-sha256"]])
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
        signature = hmac.new(self.key[1].encode(), text.encode(), hashlib.sha256).hexdigest()
        self.headers["Authorization"] = (f"ACS3-HMAC-SHA256 Credential={self.key[0]},SignedHeaders={';'.join(names)},"
                                         f"Signature={signature}")
        return self

    def exchange(self, url):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        connection.request("POST", "/" + ("?" + self.query if self.query else ""), self.body,
                           {k: v for k, v in self.headers.items() if v is not None})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status, answer.getheader("x-acs-request-id"), body

    def send(self, url):
        """(status, code), of an answer that has the vendor's shape."""
        status, request_id, body = self.exchange(url)
        assert set(body) >= {"RequestId", "Code", "Message", "Success"} and request_id == body["RequestId"]
        return status, body["Code"]

    def with_header(self, name, value):
        if value is None:
            self.headers.pop(name)
        else:
            self.headers[name] = value
        return self


def test_only_what_is_signed_now_and_once_gets_in(daemon):
    """Proves that a signature covers what is asked for, by whom, when, and only once."""
    url = daemon.url
    good = Request().signed(url)
    assert good.send(url) == (200, "Success") and good.send(url) == (400, "SignatureNonceUsed")
    assert Request(query="Limit=7&NamePrefix=a%20b").signed(url).send(url) == (200, "Success")
    for name, value, code in (("x-acs-action", "DeleteEventStreaming", "SignatureDoesNotMatch"),
                              ("x-acs-date", "2001-01-01T00:00:00Z", "InvalidTimeStamp.Expired"),
                              ("x-acs-content-sha256", "0" * 64, "SignatureDoesNotMatch"),
                              ("x-acs-signature-nonce", "other", "SignatureDoesNotMatch"),
                              ("x-acs-other", "added", "IncompleteSignature"),
                              ("x-acs-security-token", "added", "InvalidSecurityToken.MismatchWithAccessKey"),
                              ("x-acs-version", None, "IncompleteSignature"),
                              ("Authorization", None, "IncompleteSignature"),
                              ("Authorization", "Bearer t", "IncompleteSignature"),
                              ("Authorization", "ACS3-HMAC-SHA256 Credential=AKID", "IncompleteSignature"),
                              ("Authorization", "ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders=host,Signature=00", "IncompleteSignature")):
        assert Request().signed(url).with_header(name, value).send(url) == (400, code), (name, value)
    for minutes, answer in ((-14, (200, "Success")), (14, (200, "Success")), (-16, (400, "InvalidTimeStamp.Expired")),
                            (16, (400, "InvalidTimeStamp.Expired"))):
        then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60 * minutes))
        assert Request().with_header("x-acs-date", then).signed(url).send(url) == answer
    foreign = Request().signed(url).with_header("Origin", "http://elsewhere.example")
    assert foreign.exchange(url)[0] == 403 and Request().signed(url).with_header("Origin", url).send(url) == (200, "Success")
    assert Request().with_header("x-acs-action", None).signed(url).exchange(url)[0] == 401
    assert daemon.call("POST", "/", {}).status == 405
    body = Request(body=b"NamePrefix=a").signed(url)
    body.body = b"NamePrefix=b"
    assert body.send(url) == (400, "SignatureDoesNotMatch")
    assert Request().with_header("x-acs-date", "yesterday").signed(url).send(url) == (400, "InvalidTimeStamp.Format")
    assert Request().with_header("x-acs-version", "2019-01-01").signed(url).send(url) == (400, "InvalidVersion")


def test_bodies_that_are_none_are_refused(daemon):
    """Proves that what is no form, or says too much, is refused in the vendor's shape."""
    url = daemon.url
    for body, status in ((b"%zz=1", 400), (b"a=%00", 400), (b"a=%ff", 400), (b"&".join(b"Tags.%d.Key=k" % i for i in range(1000)), 400),
                         (b"NamePrefix=a&NamePrefix=b", 400), (b"Nonsense=1", 400), (b"Tags.2.Key=gap", 400)):
        assert Request(body=body).signed(url).send(url) == (status, "InvalidParameter"), body[:40]
    assert Request(body=b"{}").with_header("content-type", "application/json").signed(url).send(url) == (415, "UnsupportedContentType")
    deep = "Source=" + "%5B" * 5000
    answer = Request("CreateEventStreaming", ("EventStreamingName=x&Sink=%7B%7D&" + deep).encode()).signed(url).send(url)
    assert answer == (400, "InvalidParameter")
