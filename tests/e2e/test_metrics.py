# SPDX-License-Identifier: Apache-2.0
"""Metrics and health over HTTP: what /metrics says is what really happened, and what the documentation says is there."""
import json
import pathlib
import re
import urllib.error
import urllib.request

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

import oracle
import servers
from test_flow import publish, read

DOC = pathlib.Path(__file__).resolve().parents[2] / "doc"
NAME = re.compile(r"\b(?:outflow|kafka_connect|process)_[a-z_0-9]+\b")
# Of plugins that the pipelines of these tests do not use.
ELSEWHERE = re.compile(r"outflow_plugin_(enrich|function)_")


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


def metrics(port):
    status, headers, text = get(port, "/metrics")
    assert status == 200, text
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return text


def types(text):
    """Family -> type, after a check that each has one HELP and one TYPE and that its samples stand together behind them."""
    found, current, names = {}, None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert len(line.split(" ", 3)[3]) > 0, line
            assert current not in names, f"two HELP of {current}"
            names.add(current)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and name not in found, line
            found[name] = kind
        else:
            sample = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", line).group()
            if found[current] == "histogram":
                assert sample in (f"{current}_bucket", f"{current}_sum", f"{current}_count"), line
            else:
                assert sample == current, line
            assert (found[current] == "counter") == current.endswith("_total"), line
    return found


def samples(text):
    """(name, labels without le) -> value; buckets: -> list of (le, value)."""
    values, buckets = {}, {}
    for family in text_string_to_metric_families(text):
        for s in family.samples:
            labels = dict(s.labels)
            le = labels.pop("le", None)
            key = s.name, tuple(sorted(labels.items()))
            if le is None:
                assert key not in values, f"twice: {key}"
                values[key] = s.value
            else:
                buckets.setdefault(key, []).append((float(le), s.value))
    return values, buckets


def total(values, name, **labels):
    return sum(v for (n, l), v in values.items() if n == name and set(labels.items()) <= set(l))


@pytest.fixture
def running(make_outflow, kafka, topic):
    """A pipeline that filters, delivers and makes dead letters; its dead-letter topic and the port of its API."""
    port, dead = servers.free_port(), oracle.make_topic(kafka.bootstrap, 1, "dead")
    outflow = make_outflow(
        filter='filter = { pattern = "{\\"data\\":{\\"body\\":{\\"temp\\":[{\\"numeric\\":[\\">\\",50]}]}}}"; };',
        more=f'errors = {{ tolerance = "all"; }}; deadletter = {{ class = "kafka"; bootstrap = "{kafka.bootstrap}"; '
             f'topic = "{dead}"; }};',
        host=f'api = {{ listeners = [ "http://127.0.0.1:{port}" ]; }};').start()
    outflow.wait_subscribed()
    return outflow, port, dead


def test_what_metrics_say_is_what_happened(running, kafka, mosquitto, topic):
    """Proves that all counts agree with what both ends have counted, that the account is exact, and that histograms are
    cumulative and count what was delivered."""
    _, port, dead = running
    good = [(f"plant/{i % 7}/t", json.dumps({"dev": str(i), "temp": 60 + i})) for i in range(300)]
    cold = [("plant/cold/t", json.dumps({"dev": "c", "temp": i % 50})) for i in range(200)]
    bad = [("plant/bad/t", b"no json")] * 11
    publish(mosquitto.port, good + cold + bad)
    assert {m.key() for m in read(kafka, topic, 300)} == {str(i).encode() for i in range(300)}
    read(kafka, dead, 11)
    servers.wait_until(lambda: total(samples(metrics(port))[0], "outflow_acked_total") == 511, 20, "all is acknowledged")
    text = metrics(port)
    types(text)
    values, buckets = samples(text)
    task = {"connector": "p", "task": "0"}
    expected = {"outflow_records_received_total": 511, "outflow_records_filtered_total": 200,
                "outflow_records_delivered_total": 300, "outflow_records_dead_lettered_total": 11,
                "outflow_records_dropped_total": 0, "outflow_records_abandoned_total": 0, "outflow_in_flight_records": 0,
                "outflow_in_flight_bytes": 0, "outflow_unacked": 0, "outflow_lag_records": 0, "outflow_lag_seconds": 0,
                "outflow_oldest_unresolved_seconds": 0, "outflow_account_breaches_total": 0,
                "outflow_task_restarts_total": 0, "outflow_plugin_mqtt_messages_received_total": 511,
                "outflow_journal_records": 0, "kafka_connect_source_task_source_record_poll_total": 511,
                "kafka_connect_source_task_source_record_write_total": 300,
                "kafka_connect_task_error_deadletterqueue_produce_requests": 11,
                "kafka_connect_worker_connector_running_task_count": 1, "outflow_end_to_end_seconds_count": 300,
                "outflow_sink_latency_seconds_count": 300}
    assert {name: total(values, name, connector="p") for name in expected} == expected
    assert total(values, "outflow_connector_state", connector="p", state="running") == 1
    assert total(values, "outflow_connector_state", connector="p") == 1
    assert total(values, "outflow_task_state", state="running", **task) == 1
    assert total(values, "outflow_journal_fsync_seconds_count", **task) > 0
    assert 0 < values["outflow_end_to_end_seconds_sum", tuple(sorted(task.items()))] < 300 * 20
    assert abs(total(values, "outflow_last_progress_timestamp_seconds") - total(values, "outflow_time_seconds")) < 60
    for key, bounds in buckets.items():
        counts = [v for _, v in bounds]
        assert counts == sorted(counts) and bounds[-1][0] == float("inf")
        assert bounds == sorted(bounds)
        assert counts[-1] == values[key[0].replace("_bucket", "_count"), key[1]]


def test_counters_go_on_over_restarts_of_the_task(tmp_path):
    """Proves that no counter goes back when a task fails and is started again, and that the account of all its lives is
    exact: what was in flight at an end is told apart from what was lost."""
    port = servers.free_port()
    config = ('pipelines = ( { name = "p"; source = { class = "gen"; count = 1000; rate = 500; };\n'
              '  sink = { class = "flaky"; every = 50; status = "task"; }; restart = { initial = "50ms"; }; } );\n'
              f'api = {{ listeners = [ "http://127.0.0.1:{port}" ]; }};')
    outflow = servers.Outflow(tmp_path, config, plugs=("flaky.so",)).start()
    before = {}

    def several_restarts():
        values, _ = samples(metrics(port))
        for key, value in before.items():
            assert not key[0].endswith("_total") or values[key] >= value, f"{key} went back"
        before.clear()
        before.update({k: v for k, v in values.items() if k[0].startswith("outflow_") and "plugin" not in k[0]})
        parts = ("filtered", "delivered", "dead_lettered", "dropped", "abandoned")
        received = total(values, "outflow_records_received_total")
        assert received == sum(total(values, f"outflow_records_{p}_total") for p in parts) + total(
            values, "outflow_in_flight_records")
        return total(values, "outflow_task_restarts_total") >= 3 and total(values, "outflow_records_abandoned_total") > 0

    try:
        servers.wait_until(lambda: servers.port_answers(port), 20, "it listens")
        servers.wait_until(several_restarts, 60, "restarts")
    finally:
        outflow.kill()
    assert outflow.log.read_text().count(" FAILED: ") >= 3


def documented():
    return {n for n in NAME.findall((DOC / "metrics.md").read_text()) if n not in ("kafka_connect_", "outflow_plugin_")}


def test_the_documentation_lists_what_there_is(running):
    """Proves that doc/metrics.md names every metric that a pipeline from MQTT to Kafka has, and none that is not there."""
    live = set(types(metrics(running[1])))
    listed = {n for n in documented() if not n.endswith("_")}
    assert live - listed == set(), "not documented"
    assert {n for n in listed - live if not ELSEWHERE.match(n)} == set(), "documented, but not there"


def test_dashboard_and_alerts_ask_for_what_there_is(running):
    """Proves that every query of the dashboard and of the alert rules uses metrics that exist."""
    live = types(metrics(running[1]))
    there = set(live)
    for name, kind in live.items():
        if kind == "histogram":
            there |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    dashboard = json.loads((DOC / "dashboards/outflow.json").read_text())
    queries = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    queries += [v["definition"] for v in dashboard["templating"]["list"] if "definition" in v]
    rules = [r for g in yaml.safe_load((DOC / "dashboards/alerts.yml").read_text())["groups"] for r in g["rules"]]
    queries += [r["expr"] for r in rules]
    assert len(queries) > 40
    for query in queries:
        names = set(NAME.findall(query))
        assert names <= there, query
        assert names or query.startswith("up{"), query
        for state in re.findall(r'state=~?"([a-z_|]+)"', query):
            assert all(f'state="{s}"' in metrics(running[1]) for s in state.split("|")), query


def test_health_and_readiness(tmp_path):
    """Proves that a failed pipeline is listed by /readyz and changes neither it nor /healthz, and that names stay what they
    are in labels."""
    port = servers.free_port()
    config = ('pipelines = ( { name = "good"; source = { class = "gen"; count = 10; }; sink = { class = "null"; }; },\n'
              '  { name = "b\\"a\\\\d"; source = { class = "file"; path = "/nowhere/at/all"; format = "text"; };'
              '    sink = { class = "null"; }; restart = { policy = "never"; }; } );\n'
              f'api = {{ listeners = [ "http://127.0.0.1:{port}" ]; }};')
    outflow = servers.Outflow(tmp_path, config).start()
    try:
        servers.wait_until(lambda: servers.port_answers(port), 20, "it listens")
        servers.wait_until(lambda: "FAILED" in get(port, "/readyz")[2], 20, "it failed")
        status, _, text = get(port, "/readyz")
        assert status == 200
        answer = json.loads(text)
        assert answer["status"] == "ready"
        assert [p["name"] for p in answer["failed_pipelines"]] == ['b"a\\d']
        status, _, text = get(port, "/healthz")
        assert status == 200 and json.loads(text) == {"status": "ok"}
        servers.wait_until(lambda: total(samples(metrics(port))[0], "outflow_connector_state", connector="good",
                                         state="completed") == 1, 20, "the other one has ended")
        assert total(samples(metrics(port))[0], "outflow_connector_state", connector='b"a\\d') == 1
    finally:
        outflow.kill()


def test_a_deleted_pipeline_leaves_no_metrics(tmp_path):
    """Proves that what a pipeline has counted goes with it, and that one of the same name begins at 0."""
    port = servers.free_port()
    outflow = servers.Outflow(tmp_path, f'api = {{ listeners = [ "http://127.0.0.1:{port}" ]; }};').start()

    def request(method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if body is not None else {}
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method),
                               timeout=20).close()

    def delivered(count):
        text = metrics(port)
        if count is None:
            return 'connector="x"' not in text
        return total(samples(text)[0], "outflow_records_delivered_total", connector="x") == count

    try:
        servers.wait_until(lambda: servers.port_answers(port) and get(port, "/readyz")[0] == 200, 20, "it is ready")
        # Positions stay: the second goes on where the first one ended.
        for count, expected in ((20, 20), (30, 10)):
            config = {"source.class": "gen", "source.count": str(count), "sink.class": "null", "journal.sync": "none"}
            request("POST", "/connectors", {"name": "x", "config": config})
            servers.wait_until(lambda: delivered(expected), 20, f"{expected} are delivered")
            request("PUT", "/connectors/x/stop")
            request("DELETE", "/connectors/x")
            servers.wait_until(lambda: delivered(None), 20, "its metrics are gone")
    finally:
        outflow.kill()
