# SPDX-License-Identifier: Apache-2.0
"""What every row stands on: brokers of its own, a publisher with a ledger, Outflow, a reader that compares; and watchers."""
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import confluent_kafka  # noqa: E402
import oracle  # noqa: E402
import servers  # noqa: E402

PROGRAMS = servers.BUILD / "tests/torture"
PARTITIONS = 4
SMALL_SEGMENTS = 'journal = { segment = { bytes = "1MiB"; }; };'
CONFIG = """
pipelines = ( {{
  name = "p";
  source = {{ class = "mqtt"; broker = "{mqtt}"; topics = [ "plant/#" ]; {source} }};
  {more}
  sink = {{ {sink} }};
}} );
"""
KAFKA_SINK = 'class = "kafka"; bootstrap = "{kafka}"; topic = "{topic}"; key = "$.data.body.dev"; value = "$.data.body"; {more}'


class Publisher(servers.Process):
    """The generator of the long tests (publisher.c); keywords are its options."""

    def __init__(self, directory, port, **options):
        super().__init__(directory, "publisher")
        self.ledger, self.progress = self.directory / "ledger", self.directory / "progress"
        self.poisoning = [w for k in ("poison", "big") if k in options for w in (f"--{k}", options[k])]
        self.options = [w for k, v in options.items() for w in (f"--{k}", v)]
        self.port = port

    def start(self):
        self.spawn([PROGRAMS / "publisher", "--port", self.port, "--ledger", self.ledger, "--progress", self.progress,
                    *self.options])
        servers.wait_until(lambda: self.progress.exists() and self.progress.stat().st_size == 24, 10, "the publisher runs")
        return self

    def _counts(self):
        return struct.unpack("QQQ", self.progress.read_bytes())

    @property
    def published(self):
        return self._counts()[0]

    @property
    def acknowledged(self):
        return self._counts()[1]

    def go_on(self, count, seconds=60):
        """Waits until so many more are published."""
        goal = self.published + count
        servers.wait_until(lambda: self.published >= goal or not self.alive(), seconds, "load goes on")

    def pause(self, seconds=60):
        """Every message that was published has its PUBACK when this returns, and stands in the ledger."""
        self.child.send_signal(signal.SIGUSR1)
        servers.wait_until(lambda: self._counts()[2], seconds, "every message is acknowledged")

    def resume(self):
        self.child.send_signal(signal.SIGUSR1)

    def finish(self, seconds=120):
        """Ends the publishing; every message has its PUBACK when this returns."""
        if self.alive():
            self.child.terminate()
        return self.wait(seconds)

    def wait(self, seconds):
        assert self.child.wait(timeout=seconds) == 0, f"{self.published - self.acknowledged} messages got no PUBACK"
        return self


class Verdict:
    """What the reader found: figures by name, its line, and (kind, how many, header) of the dead letters."""

    def __init__(self, output):
        self.line, *rest = output.splitlines()
        self.figures = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", self.line)}
        self.reasons = [(kind, int(n), text) for kind, n, text in re.findall(r"^reason (\w+) (\d+) (.*)$", output, re.M)]


class Watcher:
    """Looks at a process again and again until stop(): (seconds, private KiB, descriptors, threads)."""

    def __init__(self, process, interval=0.1):
        self.process, self.interval, self.samples = process, interval, []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        begin = time.monotonic()
        while not self.ending.wait(self.interval):
            try:
                where = pathlib.Path(f"/proc/{self.process.child.pid}")
                self.samples.append((time.monotonic() - begin, self.process.memory()["RssAnon"],
                                     len(os.listdir(where / "fd")), len(os.listdir(where / "task"))))
            except (OSError, KeyError):
                continue  # between two lives

    def stop(self):
        self.ending.set()
        self.thread.join()
        return self

    def peak(self):
        """Private memory at its highest, MiB."""
        return max(s[1] for s in self.samples) / 1024


class Field:
    """The processes of one row, in a directory of its own, which stays when the row failed."""

    def __init__(self, name, short):
        self.short = short
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"outflow-{name}-"))
        self.children = []
        self.kafka = self.mosquitto = self.topic = self.consumer = None

    def start_mosquitto(self):
        self.mosquitto = self.own(servers.Mosquitto(self.directory / "mqtt", log_types=("error", "warning", "notice"))).start()

    def start_brokers(self):
        self.start_mosquitto()
        self.kafka = servers.Kafka(self.directory / "kafka").start()
        self.prepare_topic()

    def prepare_topic(self):
        self.topic = oracle.make_topic(self.kafka.bootstrap, PARTITIONS)
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "watcher",
                                                  "reconnect.backoff.max.ms": 200, "log_level": 0})

    def own(self, process):
        self.children.append(process)
        return process

    def outflow(self, name="outflow", source="", more="", sink=None, sink_more="", **options):
        if sink is None:
            sink = KAFKA_SINK.format(kafka=self.kafka.bootstrap, topic=self.topic, more=sink_more)
        mqtt = options.pop("mqtt", None) or self.mosquitto.url
        config = CONFIG.format(mqtt=mqtt, source=source, more=more, sink=sink)
        return self.own(servers.Outflow(self.directory / name, config, **options))

    def publisher(self, **options):
        return self.own(Publisher(self.directory / f"publisher{len(self.children)}", self.mosquitto.port, **options))

    def size_of(self, count, reduced):
        return reduced if self.short else count

    def end_offsets(self, seconds=60):
        """A broker that has just come back has no leaders for a moment."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return oracle.end_offsets(self.consumer, self.topic, PARTITIONS)
            except confluent_kafka.KafkaException:
                if time.monotonic() > deadline:
                    raise

    def settled_end_offsets(self):
        """The end of the topic once nothing is under way any more: the daemon is dead, but a request of its may not be."""
        last = [None]

        def settled():
            before, last[0] = last[0], self.end_offsets()
            return last[0] if before == last[0] else time.sleep(0.03)
        return servers.wait_until(settled, 30, "the topic's end stays where it is")

    def verdict(self, publisher, seconds=120, dead=None, header=None, duplicates=None):
        """Compares; lost, damaged, foreign or misplaced messages are a failure."""
        command = [PROGRAMS / "reader", "--bootstrap", self.kafka.bootstrap, "--ledger", publisher.ledger, "--published",
                   publisher.published, "--seconds", seconds, *publisher.poisoning]
        for option, value in (("--dead", dead), ("--header", header), ("--duplicates", duplicates)):
            command += [option, value] if value else []
        done = subprocess.run([str(w) for w in [*command, self.topic]], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds + 60)
        output = done.stdout.decode()
        assert done.returncode == 0, f"{output.strip()} {done.stderr.decode().strip()[:500]}"
        return Verdict(output)

    def check_logs(self):
        """No daemon may have found an account that was not exact."""
        for child in self.children:
            assert not child.logged("defect of this program"), child.log

    def close(self, keep):
        for child in self.children:
            child.kill()
        if self.consumer:
            self.consumer.close()
        if self.kafka:
            self.kafka.stop()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)


ROWS = {}


def row(name):
    """Registers the test of one row: test(field, dice) returns its line, and asserts."""
    def register(function):
        ROWS[name] = function
        return function
    return register
