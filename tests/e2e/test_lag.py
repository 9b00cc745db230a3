# SPDX-License-Identifier: Apache-2.0
"""How far a source is behind: Kafka's by partition, whether records flow or not, a file's in bytes; over /v1, in /metrics, by
command."""
import json
import subprocess
import urllib.request

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

import native_client
import oracle
import servers


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon", plugs=["flaky.so"]).start()
    yield it
    if it.alive():
        it.kill()


@pytest.fixture
def source(kafka):
    """A topic of two partitions."""
    name = oracle.make_topic(kafka.bootstrap) + "-in"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.create_topics([NewTopic(name, 2, 1)]).values():
        future.result(30)
    return name


def produce(kafka, topic, partition, n, **options):
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, **options})
    if "transactional.id" in options:
        producer.init_transactions(30)
        producer.begin_transaction()
    for i in range(n):
        producer.produce(topic, json.dumps({"seq": i}), partition=partition)
    if "transactional.id" in options:
        producer.commit_transaction(30)
    assert producer.flush(30) == 0


def create(daemon, kafka, topic, sink, **more):
    made = daemon.call("POST", "/v1/pipelines", {
        "name": "p", "start": True, "sink": sink, **more,
        "source": {"class": "kafka", "bootstrap": kafka.bootstrap, "topics": [topic], "group": topic}})
    assert made.status == 201, made.json


def shown(daemon):
    """Partition -> records, as /v1 shows it."""
    lag = {}
    for task in daemon.look("p")["tasks"]:
        for entry in task["lag"] or []:
            assert set(entry) == {"partition", "records"}
            lag[entry["partition"]["kafka_partition"]] = entry["records"]
    return lag


def metrics(daemon, name):
    """The samples of one metric: labels -> value."""
    with urllib.request.urlopen(daemon.url + "/metrics", timeout=20) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {tuple(sorted(s.labels.items())): s.value for f in families for s in f.samples if s.name == name}


def command(daemon, *words):
    done = subprocess.run([str(servers.BUILD / "outflow"), *words, "--url", daemon.url], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_grows_while_the_sink_hangs(daemon, kafka, source):
    """Proves that the lag of each partition counts what is not resolved, that it grows although nothing is fetched any more, and
    that /v1, /metrics and the commands say the same."""
    produce(kafka, source, 0, 30)
    produce(kafka, source, 1, 10)
    create(daemon, kafka, source, {"class": "flaky", "hold": True}, inflight={"records": 4})
    servers.wait_until(lambda: shown(daemon) == {0: 30, 1: 10}, 30, "all that was there is behind")
    produce(kafka, source, 0, 2000)
    servers.wait_until(lambda: shown(daemon) == {0: 2030, 1: 10}, 30, "the lag grows while nothing is fetched")
    produce(kafka, source, 1, 5)
    servers.wait_until(lambda: shown(daemon) == {0: 2030, 1: 15}, 30, "of the other partition, too")
    assert daemon.look("p")["figures"]["lag_records"] == 2045 and daemon.look("p")["figures"]["lag_bytes"] is None
    assert sum(metrics(daemon, "outflow_lag_records").values()) == 2045
    assert metrics(daemon, "outflow_partition_lag_records") == {
        (("connector", "p"), ("partition", str(n)), ("task", "0"), ("topic", source)): lag
        for n, lag in ((0, 2030), (1, 15))}
    head, line = command(daemon, "status")[:2]
    assert line[head.index("LAG"):].split()[0] == "2045"
    partitions = [text.split() for text in command(daemon, "show", "p") if "kafka_partition" in text]
    assert sorted((t[0], t[-1]) for t in partitions) == [("0", "15"), ("0", "2030")]


def test_it_comes_down_to_nothing(daemon, kafka, source, tmp_path):
    """Proves that what is delivered is not behind, markers of transactions and gaps included; that one knows where one stands
    after a start without records; and that the lag of a paused pipeline grows, and is unknown of a stopped one."""
    out = tmp_path / "out"
    produce(kafka, source, 0, 20)
    produce(kafka, source, 1, 3, **{"transactional.id": source})
    create(daemon, kafka, source, {"class": "file", "path": str(out)})
    servers.wait_until(lambda: shown(daemon) == {0: 0, 1: 0}, 30, "nothing is behind")
    assert len(out.read_text().splitlines()) == 23
    assert daemon.call("POST", "/v1/pipelines/p/stop").status == 202
    daemon.wait_state("p", "READY")
    assert shown(daemon) == {} and daemon.look("p")["figures"]["lag_records"] == 0
    assert metrics(daemon, "outflow_partition_lag_records") == {}
    assert daemon.call("POST", "/v1/pipelines/p/start").status == 202
    servers.wait_until(lambda: shown(daemon) == {0: 0, 1: 0}, 30, "nothing is behind after a start either")
    assert daemon.call("POST", "/v1/pipelines/p/pause").status == 202
    daemon.wait_state("p", "PAUSED")
    produce(kafka, source, 0, 7)
    servers.wait_until(lambda: shown(daemon) == {0: 7, 1: 0}, 30, "it is behind while it is paused")
    assert daemon.call("POST", "/v1/pipelines/p/resume").status == 202
    servers.wait_until(lambda: shown(daemon) == {0: 0, 1: 0}, 30, "nothing is behind again")
    assert len(out.read_text().splitlines()) == 30


def test_a_file_is_behind_in_bytes(daemon, tmp_path):
    """Proves that the lag of a file that is followed is what was appended and is not resolved, in bytes."""
    path, line = tmp_path / "in", "x" * 99 + "\n"
    path.write_text(line * 10)
    made = daemon.call("POST", "/v1/pipelines", {
        "name": "p", "start": True, "source": {"class": "file", "path": str(path), "follow": True, "format": "text"},
        "sink": {"class": "flaky", "hold": True}, "inflight": {"records": 4}})
    assert made.status == 201, made.json

    def behind():
        return daemon.look("p")["figures"]["lag_bytes"]

    servers.wait_until(lambda: behind() == 1000, 20, "nothing is resolved")
    with open(path, "a") as file:
        file.write(line * 5)
    servers.wait_until(lambda: behind() == 1500, 20, "more is there")
    assert metrics(daemon, "outflow_lag_bytes") == {(("connector", "p"), ("task", "0")): 1500}
    assert daemon.look("p")["tasks"][0]["lag"] == [{"partition": {"filename": str(path)}, "bytes": 1500}]
    head, text = command(daemon, "list")[:2]
    assert text[head.index("LAG"):].split()[:2] == ["1500", "B"]
    assert daemon.call("PUT", "/v1/pipelines/p", {
        "source": {"class": "file", "path": str(path), "follow": True, "format": "text"},
        "sink": {"class": "null"}}).status == 200
    servers.wait_until(lambda: behind() == 0, 30, "all is resolved")
