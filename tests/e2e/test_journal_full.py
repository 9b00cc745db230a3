# SPDX-License-Identifier: Apache-2.0
"""A journal that is full because the sink is away: what was acknowledged and not delivered is exactly what the log and the
account name, and nothing with journal.on.full = block. Loss is judged by the numbers at both ends."""
import json
import re

import pytest

import oracle
import servers
from test_mqtt_sink import Subscriber
from test_pipelines import Daemon

FIRST, COUNT, AFTER = 100000, 3000, 300
LIMIT = 256 * 1024
OLDEST = re.compile(r"dropped the oldest (\d+) records, from position (\d+) to below (\d+)")
NEWEST = re.compile(r"dropped (\d+) records that came in the last [\d.]+ s, between positions (\d+) and (\d+)")


class Numbers(oracle.Publisher):
    """Messages of the same length, so that a full journal is full for each of them."""

    def body(self, number):
        return json.dumps({"seq": number, "pad": "x" * 200})

    def publish_from(self, first, count):
        for number in range(first, first + count):
            self.publish(number)
        return self.finish()


class Rig:
    """A daemon between two MQTT brokers, of which the second one is away; who reads there has a session that waits."""

    def __init__(self, directory, mosquitto, on_full):
        self.mosquitto = mosquitto
        self.away = servers.Mosquitto(directory / "away").start()
        self.reader = Subscriber(self.away.port)
        self.away.stop()
        self.daemon = Daemon(directory / "outflow", f'''pipelines = ( {{ name = "p";
            source = {{ class = "mqtt"; broker = "{mosquitto.url}"; topics = [ "plant/#" ]; }};
            sink = {{ class = "mqtt"; broker = "{self.away.url}"; topic = "out"; inflight = {{ maximum = 20; }}; }};
            journal = {{ on = {{ full = "{on_full}"; }}; hard = {{ bytes = "256KiB"; }}; soft = {{ bytes = "256KiB"; }};
                         segment = {{ bytes = "64KiB"; }}; }}; }} );''').start()
        self.daemon.wait_subscribed()
        self.acknowledged = set()

    def publish(self, first, count):
        numbers = Numbers(self.mosquitto.port).publish_from(first, count)
        assert len(numbers) == count
        self.acknowledged |= numbers

    def taken(self):
        """How many messages the daemon has acknowledged to the first broker, says that broker."""
        return self.mosquitto.log.read_text(errors="replace").count("Received PUBACK from outflow-p-0")

    def journal_bytes(self):
        return servers.bytes_below(self.daemon.state_dir / "journal")

    def dropped(self):
        """The numbers that the log says were dropped: positions count messages, since none came twice."""
        text = self.daemon.log.read_text()
        oldest = [range(FIRST + int(a), FIRST + int(b)) for n, a, b in OLDEST.findall(text) if int(b) - int(a) == int(n)]
        newest = NEWEST.findall(text)
        # While the journal was full nothing was taken: all of them came at the same position.
        assert len({position for _, *both in newest for position in both}) <= 1, newest
        total = sum(int(n) for n, _, _ in newest)
        if total:
            begin = FIRST + int(newest[0][1])
            oldest.append(range(begin, begin + total))
        assert len({n for r in oldest for n in r}) == sum(len(r) for r in oldest)
        return {n for r in oldest for n in r}

    def wait_delivered(self, first, below):
        wanted = set(range(first, below))
        servers.wait_until(lambda: wanted <= set(self.reader.counts()), 60, "they are delivered")

    def end(self):
        self.daemon.stop()
        assert self.daemon.child.returncode == 0
        assert not self.daemon.logged("has forgotten the session") and not self.daemon.logged("FAILED")
        return self.acknowledged - set(self.reader.counts()), self.daemon.accounts()["p", 0]

    def close(self):
        self.reader.stop()
        for process in (self.daemon, self.away):
            process.kill()


@pytest.fixture
def make_rig(tmp_path, mosquitto):
    made = []

    def make(on_full):
        made.append(Rig(tmp_path, mosquitto, on_full))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


def test_block_loses_nothing(make_rig):
    """Proves that a full journal takes no more than its limit, that the MQTT broker keeps the rest, and that all of it comes,
    what was acknowledged before a connection was dropped only once."""
    rig = make_rig("block")
    rig.publish(FIRST, COUNT)
    servers.wait_until(lambda: rig.daemon.logged("journal: refuses records"), 30, "the journal is full")
    assert rig.taken() < COUNT
    assert rig.journal_bytes() < LIMIT + 2 * 65536
    rig.away.start()
    rig.publish(FIRST + COUNT, AFTER)
    rig.wait_delivered(FIRST, FIRST + COUNT + AFTER)
    lost, account = rig.end()
    assert not lost and not rig.dropped()
    assert account["dropped"] == account["in_flight"] == 0
    assert COUNT + AFTER <= account["delivered"] < COUNT + AFTER + 100


@pytest.mark.parametrize("on_full", ["drop_oldest", "drop_newest"])
def test_what_is_dropped_is_in_the_account(make_rig, on_full):
    """Proves that everything is acknowledged on one and the same connection, that what is missing is exactly what the log names
    and the account counts, and that nothing is lost any more once the sink is back."""
    rig = make_rig(on_full)
    rig.publish(FIRST, COUNT)
    servers.wait_until(lambda: rig.taken() == COUNT, 60, "all are acknowledged")
    rig.away.start()
    # Of both kinds the oldest are delivered, being under way; with drop_oldest the newest too.
    rig.wait_delivered(FIRST, FIRST + 20)
    if on_full == "drop_oldest":
        rig.wait_delivered(FIRST + COUNT - 200, FIRST + COUNT)
    else:
        servers.wait_until(lambda: rig.dropped(), 20, "the log has begun to tell it")
        rig.wait_delivered(FIRST, min(rig.dropped()))
    # What is delivered counts until the checkpoint has passed it.
    servers.wait_until(lambda: rig.journal_bytes() < LIMIT // 2, 20, "the journal has room again")
    rig.publish(FIRST + COUNT, AFTER)
    rig.wait_delivered(FIRST + COUNT, FIRST + COUNT + AFTER)
    lost, account = rig.end()
    dropped = rig.dropped()
    assert lost == dropped and COUNT // 2 < len(lost) < COUNT
    assert account["received"] == COUNT + AFTER and account["dropped"] == len(lost)
    assert account["delivered"] == COUNT + AFTER - len(lost)
    assert rig.daemon.log.read_text().count(f"connected to {rig.mosquitto.url}") == 1
    assert not rig.daemon.logged("refuses records")
