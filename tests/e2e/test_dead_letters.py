# SPDX-License-Identifier: Apache-2.0
"""Dead letters: what failed is read, shown and replayed, each message once, beside a running daemon, through kill -9."""
import collections
import json
import re
import signal
import subprocess
import time

import pytest

import oracle
import servers

WINDOW = 8192  # what a replay that is killed may send twice

FILE = 'class = "file"; path = "{dead}"; format = "json";'
KAFKA = 'class = "kafka"; bootstrap = "{kafka}"; topic = "{dead}";'

CONFIG = """
pipelines = ( {{
  name = "plant";
  source = {{ class = "file"; path = "{source}"; line = {{ format = "json"; max = "16MiB"; }}; {more_source} }};
  sink = {{ class = "file"; path = "{target}"; format = "json"; {sink} }};
  errors = {{ tolerance = "all"; }};
  deadletter = {{ {deadletter} }};
}} );
stop = {{ timeout = "5s"; }};
"""
WRONG = 'key = {{ form = "JSONPATH"; value = "$.data.body.{}"; missing = "fail"; }};'


class Plant:
    """A pipeline from file to file whose sink's key cannot be found until it is repaired."""

    def __init__(self, directory, dead, deadletter):
        self.directory, self.dead, self.deadletter = directory, dead, deadletter
        self.source, self.target = directory / "source", directory / "target"
        self.config, self.state = directory / "plant.conf", directory / "state"
        self.log = directory / "log"
        self.n = 0
        self.position = r"\d+:\d+" if "kafka" in deadletter else r"\d+"
        self.configure(sink=WRONG.format("nowhere"))

    def configure(self, sink="", more_source=""):
        self.config.write_text(CONFIG.format(source=self.source, target=self.target, sink=sink, more_source=more_source,
                                             deadletter=self.deadletter))

    def repair(self):
        self.configure(sink=WRONG.format("dev"))

    def produce(self, count):
        with open(self.source, "a") as f:
            for seq in range(self.n, self.n + count):
                value = json.dumps({"seq": seq, "dev": f"d{seq % 7}"})
                f.write(json.dumps({"topic": f"plant/{seq % 7}", "key": f"k{seq}", "value": value, "timestamp": 1000 + seq,
                                    "headers": [["seq", str(seq)], ["none", None], ["raw", {"base64": "/wA="}]]}) + "\n")
        self.n += count

    def command(self, *words, files=None):
        return [str(w) for w in (servers.BUILD / "outflow", *words, "--plugin-path", servers.BUILD / "plugins",
                                 "--state-dir", self.state, files or self.config)]

    def spawn(self, *words):
        with open(self.log, "ab") as log:
            return subprocess.Popen(self.command(*words), stdout=log, stderr=log)

    def run(self, *words, status=0):
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == status, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout.decode()

    def run_daemon(self):
        self.run("run", "--until-done")

    def make_dead_letters(self, count):
        self.produce(count)
        self.run_daemon()
        return self

    def replay(self, *options, status=0):
        """The account of a replay."""
        answer = json.loads(self.run("dlq", "replay", "plant", "--json", *options, status=status))
        return answer["data"]

    def list(self, *options):
        answer = json.loads(self.run("dlq", "list", "plant", "--json", *options))
        assert answer["ok"] and not answer["errors"]
        return answer["data"]

    def delivered(self):
        return [json.loads(line) for line in self.target.read_text().splitlines()] if self.target.exists() else []

    def counts(self):
        """How often each sequence number stands in the target, of records that are what they were."""
        found = collections.Counter()
        for r in self.delivered():
            seq = json.loads(r["value"])["seq"]
            headers = [h for h in r["headers"] if h[0] != "outflow.replay.count"]
            assert headers == [["seq", str(seq)], ["none", None], ["raw", {"base64": "/wA="}]]
            assert r["topic"] == f"plant/{seq % 7}" and r["timestamp"] == 1000 + seq and r["key"] == f"d{seq % 7}"
            found[seq] += 1
        return found


@pytest.fixture(params=["file", "kafka"])
def plant(request, tmp_path):
    if request.param == "file":
        dead = tmp_path / "dead.json"
        return Plant(tmp_path, dead, FILE.format(dead=dead))
    kafka = request.getfixturevalue("kafka")
    dead = oracle.make_topic(kafka.bootstrap, 3, "dead")
    return Plant(tmp_path, dead, KAFKA.format(kafka=kafka.bootstrap, dead=dead))


def test_a_thousand_are_replayed_once(plant):
    """Proves that after the repair each dead letter arrives once as the record it was, and a second replay adds nothing."""
    plant.make_dead_letters(1000)
    assert plant.counts() == {}
    assert len(plant.list()) == 1000
    plant.repair()
    account = plant.replay()
    assert (account["matched"], account["sent"], account["delivered"]) == (1000, 1000, 1000)
    assert plant.counts() == {seq: 1 for seq in range(1000)}
    account = plant.replay()
    assert (account["sent"], account["already_replayed"]) == (0, 1000)
    assert plant.counts() == {seq: 1 for seq in range(1000)}
    assert all(letter["replayed"] for letter in plant.list())
    assert plant.replay("--again")["delivered"] == 1000
    assert plant.counts() == {seq: 2 for seq in range(1000)}


def test_what_fails_again_is_a_dead_letter_again_until_the_guard(plant):
    """Proves that a replay without repair makes dead letters with a higher count, and the guard ends that."""
    plant.make_dead_letters(20)
    for replays in range(1, 4):
        account = plant.replay(status=1)
        assert (account["sent"], account["dead_lettered_again"], account["refused_by_guard"]) == (20, 20, 0)
        assert sorted({letter["replays"] for letter in plant.list()}) == list(range(replays + 1))
    account = plant.replay(status=1)
    assert (account["matched"], account["sent"], account["refused_by_guard"]) == (80, 0, 20)
    plant.repair()
    assert plant.replay("--loop-guard", "4")["delivered"] == 20
    assert plant.counts() == {seq: 1 for seq in range(20)}


def test_a_dry_run_sends_nothing(plant):
    """Proves that --dry-run says what would be sent, and changes nothing."""
    plant.make_dead_letters(30)
    plant.repair()
    text = plant.run("dlq", "replay", "plant", "--dry-run", "--max", "10")
    assert "dry run: matched 10, would send 10" in text and len(text.splitlines()) == 12
    assert plant.counts() == {} and not (plant.state / "replay").exists()
    assert plant.replay("--max", "10")["delivered"] == 10
    assert plant.replay("--dry-run")["sent"] == 20
    assert plant.replay()["delivered"] == 20
    assert plant.counts() == {seq: 1 for seq in range(30)}


def test_filters_choose_and_positions_are_shown(plant):
    """Proves that list, show and replay agree on which letters are meant, and that show has every byte."""
    plant.make_dead_letters(50)
    assert len(plant.list("--stage", "deliver")) == 50 and plant.list("--stage", "sink") == []
    assert len(plant.list("--reason", "NOWHERE")) == 50 and plant.list("--reason", "elsewhere") == []
    assert len(plant.list("--since", "1h")) == 50 and plant.list("--until", "1h") == []
    assert len(plant.list("--max", "7")) == 7
    letter, = plant.list("--key", "k33")
    assert re.fullmatch(plant.position, letter["position"])
    shown, = json.loads(plant.run("dlq", "show", "plant", letter["position"], "--json"))["data"]
    assert json.loads(shown["value"])["seq"] == 33 and shown["timestamp"] == 1033
    assert shown["headers"][:3] == [["seq", "33"], ["none", None], ["raw", {"base64": "/wA="}]]
    assert ["outflow.errors.stage", "deliver"] in shown["headers"]
    assert "raw = 0xff00" in plant.run("dlq", "show", "plant", letter["position"])
    plant.repair()
    assert plant.replay("--key", "k33")["delivered"] == 1
    assert plant.counts() == {33: 1} and len(plant.list("--open")) == 49
    assert plant.replay("--stage", "deliver")["delivered"] == 49
    assert plant.counts() == {seq: 1 for seq in range(50)}


def test_the_rate_is_kept(plant):
    """Proves that --rate is no faster than it says; how much slower is the machine's affair."""
    plant.make_dead_letters(100)
    plant.repair()
    begin = time.monotonic()
    assert plant.replay("--rate", "100")["delivered"] == 100
    assert time.monotonic() - begin >= 0.85
    assert plant.counts() == {seq: 1 for seq in range(100)}


def test_kills_in_the_middle_lose_nothing(plant):
    """Proves that a replay that is killed and started again sends everything, at most its window twice."""
    plant.make_dead_letters(20000)
    plant.repair()
    for kill in range(3):
        before = plant.target.stat().st_size
        replay = plant.spawn("dlq", "replay", "plant", "--rate", "10000")
        servers.wait_until(lambda: plant.target.stat().st_size > before + (kill + 1) * 200000 or replay.poll() is not None,
                           60, "the replay is in the middle")
        replay.send_signal(signal.SIGKILL)
        assert replay.wait(timeout=20) == -signal.SIGKILL
    remembered = plant.replay()["already_replayed"]
    counts = plant.counts()
    assert sorted(counts) == list(range(20000))
    twice = sum(counts.values()) - 20000
    print(f"remembered {remembered}, twice {twice}")
    assert remembered > 0 and twice <= 3 * WINDOW
    assert plant.replay()["sent"] == 0


def test_a_signal_stops_a_replay_in_order(plant):
    """Proves that SIGINT sees through what is under way and remembers it: nothing comes twice."""
    plant.make_dead_letters(5000)
    plant.repair()
    replay = plant.spawn("dlq", "replay", "plant", "--rate", "2000")
    servers.wait_until(lambda: plant.target.stat().st_size > 50000 or replay.poll() is not None, 60, "it replays")
    replay.send_signal(signal.SIGINT)
    assert replay.wait(timeout=20) == 1
    assert "stopped before the end" in plant.log.read_text()
    assert 0 < plant.replay()["delivered"] < 5000
    assert plant.counts() == {seq: 1 for seq in range(5000)}


def test_a_replay_beside_the_daemon(plant):
    """Proves that the daemon need not stop, though both write to the same target and the same dead letters."""
    plant.produce(500)
    plant.configure(sink=WRONG.format("nowhere"), more_source="follow = true;")
    daemon = plant.spawn("run")
    try:
        servers.wait_until(lambda: len(plant.list()) == 500 if plant.target.exists() else 0, 30, "the daemon has failed 500")
        other = plant.directory / "repaired.conf"
        plant.configure(sink=WRONG.format("dev"))
        other.write_text(plant.config.read_text())
        wrong = plant.replay("--max", "100")
        assert wrong["delivered"] == 100
        plant.produce(500)
        account = plant.replay()
        assert account["delivered"] >= 400
        servers.wait_until(lambda: len(plant.list()) == 1000, 30, "the daemon has failed the rest")
        plant.replay()
        assert daemon.poll() is None
    finally:
        daemon.terminate()
        assert daemon.wait(timeout=20) == 0
    assert plant.counts() == {seq: 1 for seq in range(1000)}


def test_two_replays_exclude_each_other(plant):
    """Proves that a second replay is refused with the first one's process id."""
    plant.make_dead_letters(200)
    plant.repair()
    first = plant.spawn("dlq", "replay", "plant", "--rate", "50")
    servers.wait_until(lambda: plant.counts() or first.poll() is not None, 30, "the first one replays")
    second = subprocess.run(plant.command("dlq", "replay", "plant"), stderr=subprocess.PIPE, timeout=30)
    first.terminate()
    assert first.wait(timeout=20) == 1
    assert second.returncode == 3 and f"in use by process {first.pid}".encode() in second.stderr


def test_a_new_file_of_the_same_name_is_replayed(tmp_path):
    """Proves that what is remembered of a dead-letter file that was put away does not hide the letters of its successor."""
    dead = tmp_path / "dead.json"
    plant = Plant(tmp_path, dead, FILE.format(dead=dead)).make_dead_letters(100)
    right = WRONG.format("dev")
    plant.configure(sink=right)
    assert plant.replay()["delivered"] == 100
    dead.rename(tmp_path / "dead.old")
    plant.configure(sink=WRONG.format("nowhere"))
    plant.make_dead_letters(100)
    plant.configure(sink=right)
    assert plant.replay()["delivered"] == 100
    assert plant.replay()["already_replayed"] == 100
    assert plant.counts() == {seq: 1 for seq in range(200)}


def test_a_malformed_line_does_not_stop_the_others(tmp_path):
    """Proves that a line that is no dead letter is named with file and line, and all others are replayed."""
    dead = tmp_path / "dead.json"
    plant = Plant(tmp_path, dead, FILE.format(dead=dead)).make_dead_letters(10)
    lines = dead.read_text().splitlines()
    dead.write_text("\n".join(lines[:4] + ["garbage"] + lines[4:]) + "\n")
    plant.repair()
    done = subprocess.run(plant.command("dlq", "replay", "plant"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"sent 10, delivered 10" in done.stdout and b"unreadable 1" in done.stdout
    assert f"5 cannot be replayed: {dead}:5: not a record as JSON".encode() in done.stderr
    assert plant.counts() == {seq: 1 for seq in range(10)}


def test_every_poison_comes_back_as_it_was(tmp_path):
    """Proves that values of any bytes survive failure, dead letter and replay."""
    dead = tmp_path / "dead.json"
    plant = Plant(tmp_path, dead, FILE.format(dead=dead))
    poisons = ["", "{", "a\\nb", '"', "\\u0000", "\\ufffd", "x" * 2000000, "[" * 10000]
    with open(plant.source, "w") as f:
        for text in poisons:
            f.write(json.dumps({"value": json.loads(f'"{text}"') if text != '"' else text}) + "\n")
        f.write('{"value":{"base64":"/wD+/Q=="}}\n')
    plant.configure()
    plant.run_daemon()
    assert len(plant.list("--stage", "convert")) == len(poisons) + 1
    plant.configure(more_source='format = "binary"; event = { max = { bytes = "4MiB"; }; };')
    assert plant.replay()["delivered"] == len(poisons) + 1
    sent = [json.loads(line)["value"] for line in plant.source.read_text().splitlines()]
    assert [r["value"] for r in plant.delivered()] == sent


def test_mqtt_and_values_only_are_refused(tmp_path):
    """Proves that dead letters that nobody can read back are refused with a sentence that says what to do."""
    plant = Plant(tmp_path, None, f'class = "file"; path = "{tmp_path}/dead";')
    done = subprocess.run(plant.command("dlq", "list", "plant"), stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and b'set deadletter.format = "json"' in done.stderr
    plant = Plant(tmp_path, None, 'class = "null";')
    done = subprocess.run(plant.command("dlq", "replay", "plant"), stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and b"use a Kafka topic or a file" in done.stderr
