# SPDX-License-Identifier: Apache-2.0
"""The MQTT connector against a broker that is strict and breaks on demand: windows, redelivery, identifiers that wrap, lost
sessions, connections that stand still, garbage. Loss is judged by the numbers in the file that the daemon writes."""
import collections
import sys
import time

import pytest

import servers
from test_pipelines import Daemon

sys.path.insert(0, str(servers.TOP / "tests/mqtt"))
from stub_broker import StubBroker  # noqa: E402


class Rig:
    """A stub broker, a daemon that writes what comes from it to a file, and the numbers in that file."""

    def __init__(self, directory, broker, source="", more="", name="p"):
        self.broker, self.out = broker, directory / "out"
        self.daemon = Daemon(directory, f'''pipelines = ( {{ name = "{name}";
            source = {{ class = "mqtt"; broker = "{broker.url}"; topics = [ "t/#" ]; format = "text"; {source} }};
            sink = {{ class = "file"; path = "{self.out}"; }}; {more} }} );''')
        self.published = 0

    def publish(self, n):
        for _ in range(n):
            self.broker.publish("t/x", str(self.published).encode())
            self.published += 1

    def counts(self):
        text = self.out.read_text() if self.out.exists() else ""
        return collections.Counter(int(line) for line in text.split("\n")[:-1])

    def wait_all(self, lost=()):
        wanted = set(range(self.published)) - set(lost)
        servers.wait_until(lambda: set(self.counts()) == wanted, 60, "everything has arrived")
        servers.wait_until(lambda: self.broker.unacknowledged() == 0, 20, "everything is acknowledged")


@pytest.fixture
def rig(tmp_path):
    made = []

    def make(broker=None, **options):
        made.append(Rig(tmp_path, broker or StubBroker(), **options))
        return made[-1]

    yield make
    for r in made:
        if r.daemon.child and r.daemon.alive():
            r.daemon.kill()
        r.broker.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("window", [1, 20, 65535])
def test_windows(rig, window, protocol):
    """Proves that whatever the window, everything arrives once, and every acknowledgement is owed, in order, and single."""
    r = rig(StubBroker(window), source=f'protocol = "{protocol}"; receive = {{ maximum = 500; }};')
    r.daemon.start()
    r.publish(3000)
    r.wait_all()
    assert r.broker.violations == []
    assert r.broker.most_in_flight <= min(window, 500 if protocol == "5" else window)
    assert max(r.counts().values()) == 1
    r.daemon.stop()


def test_identifiers_wrap(rig):
    """Proves that identifiers that start again at 1 are nothing special."""
    r = rig(StubBroker(50, first_id=65400), source="dup = { filter = true; };")
    r.daemon.start()
    r.publish(1000)
    r.wait_all()
    assert r.broker.violations == [] and max(r.counts().values()) == 1


@pytest.mark.parametrize("filter_", [True, False])
def test_lost_acknowledgements(rig, filter_):
    """Proves that messages whose acknowledgements were lost come again and are taken again, and that dup.filter, and only it,
    leaves them out: twice the same payload is two messages for it."""
    r = rig(StubBroker(20), source=f"dup = {{ filter = {str(filter_).lower()}; }};")
    r.daemon.start()
    for _ in range(3):
        r.publish(100)
        servers.wait_until(lambda: set(r.counts()) == set(range(r.published)), 30, "they have arrived")
        # What is still unacknowledged now would keep the room of those to come.
        servers.wait_until(lambda: r.broker.unacknowledged() == 0, 30, "they are acknowledged")
        r.broker.ignore_acks = True
        r.publish(10)
        servers.wait_until(lambda: set(r.counts()) == set(range(r.published)), 30, "these too")
        with r.broker.changed:
            r.broker.drop()
            r.broker.ignore_acks = False
        servers.wait_until(lambda: r.broker.unacknowledged() == 0, 30, "they were sent again")
    r.wait_all()
    assert (max(r.counts().values()) > 1) == (not filter_)
    # The same bytes once more are another message.
    for _ in range(2):
        r.broker.publish("t/x", b"0")
    servers.wait_until(lambda: r.counts()[0] >= 3, 30, "both have arrived")


def test_a_lost_session_is_reported_and_made_anew(rig):
    """Proves that a broker that has forgotten the session is subscribed to again, that the possible gap is in the log, and
    that a first connection, or one whose session is there, is no alarm."""
    r = rig()
    r.daemon.start()
    r.publish(100)
    r.wait_all()
    r.broker.drop()
    r.publish(100)
    r.wait_all()
    assert not r.daemon.logged("has forgotten the session")
    lost = r.broker.lose_sessions()
    r.publish(100)
    r.wait_all([int(payload) for _, payload in lost])
    assert r.daemon.log.read_text().count("has forgotten the session") == 1
    # Also when it happens while we are away.
    r.daemon.stop()
    r.broker.lose_sessions()
    r.daemon.start()
    r.publish(100)
    r.wait_all([int(payload) for _, payload in lost])
    assert r.daemon.log.read_text().count("has forgotten the session") == 2
    assert [present for _, _, present in r.broker.connects] == [False, True, False, False]


def test_a_connection_that_stands_still(rig):
    """Proves that a broker that says nothing any more is left after the keepalive, and the next connection flows."""
    r = rig(source='keepalive = "2s";')
    r.daemon.start()
    r.publish(100)
    r.wait_all()
    r.broker.hanging = True
    begun = time.monotonic()
    servers.wait_until(lambda: r.daemon.logged("lost, connecting again"), 20, "it was noticed")
    assert time.monotonic() - begun < 15
    with r.broker.changed:
        r.broker.hanging = False
        r.broker.drop()
    r.publish(100)
    r.wait_all()


@pytest.mark.parametrize("garbage", [b"\xf0\xff\xff\xff\xff\xff", b"\x32\x05\xff\xff", b"\x00" * 64, bytes(range(256)) * 8])
def test_garbage_from_the_broker(rig, garbage):
    """Proves that bytes that are no MQTT end the connection at most, never the daemon."""
    r = rig(source='keepalive = "2s";')
    r.daemon.start()
    r.publish(50)
    r.wait_all()
    r.broker.write(garbage)
    r.broker.drop()
    r.publish(50)
    r.wait_all()
    assert r.daemon.alive()


@pytest.mark.parametrize("protocol,code", [("5", 0x86), ("5", 0x87), ("3.1.1", 4), ("3.1.1", 5)])
def test_a_refusal_at_start_and_later(rig, protocol, code):
    """Proves that a refused login is STARTING_FAILED at once, and that a broker that let us in before may refuse us for a
    while."""
    r = rig(source=f'protocol = "{protocol}";')
    r.broker.refuse = code
    r.daemon.spawn(r.daemon.command("run", "--until-done"))
    assert r.daemon.child.wait(timeout=20) == 1
    assert r.daemon.logged("STARTING_FAILED: source: the broker") and not r.daemon.logged("restart 1")
    r.broker.refuse = 0
    r.daemon.start()
    r.publish(10)
    r.wait_all()
    r.broker.refuse = code
    r.broker.drop()
    servers.wait_until(lambda: r.daemon.logged("will be tried again"), 20, "it was refused")
    r.broker.refuse = 0
    r.publish(10)
    r.wait_all()


def test_clean_start(rig):
    """Proves that clean.start throws away the session once, at the start, and not with every connection."""
    r = rig(source="clean = { start = true; };")
    r.daemon.start()
    r.publish(10)
    r.wait_all()
    r.broker.drop()
    r.publish(10)
    r.wait_all()
    assert [clean for _, clean, _ in r.broker.connects] == [True, False]


def test_the_sink_keeps_to_its_window(tmp_path):
    """Proves that no more messages than inflight.maximum wait for their acknowledgement, and that one that never comes ends
    the attempt: the messages are sent again and nothing is lost."""
    broker = StubBroker()
    broker.hold_acks = True
    daemon = Daemon(tmp_path, f'''pipelines = ( {{ name = "p"; source = {{ class = "gen"; count = 100; }};
        sink = {{ class = "mqtt"; broker = "{broker.url}"; topic = "out"; inflight = {{ maximum = 7; }};
                  attempt = {{ timeout = "1s"; }}; }};
        retry = {{ policy = "custom"; initial = "100ms"; }}; }} );''')
    daemon.spawn(daemon.command("run", "--until-done"))
    servers.wait_until(lambda: len(broker.received) >= 7, 20, "the window is full")
    servers.wait_until(lambda: daemon.logged("no acknowledgement within attempt.timeout"), 20, "the attempt ended")
    assert len(broker.received) == 7
    broker.hold_acks = False
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    assert len({payload for _, payload, _ in broker.received}) == 100
    broker.stop()
