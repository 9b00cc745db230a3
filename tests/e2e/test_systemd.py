# SPDX-License-Identifier: Apache-2.0
"""The service manager is told what the daemon does, by a socket that this test listens to in its place."""
import signal
import socket
import time

import pytest

import servers

CONFIG = """
api = { listeners = [ ]; };
pipelines = ( { name = "p"; source = { class = "gen"; count = 10; }; sink = { class = "null"; }; } );
"""


class Manager:
    """Takes datagrams as systemd does, at a path or in the abstract name space."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.address = address

    def next(self, seconds=20):
        self.socket.settimeout(seconds)
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def next_but_watchdog(self):
        while True:
            message = self.next()
            if "WATCHDOG" not in message:
                return message


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    path = str(tmp_path / "notify")
    listening = Manager(path if request.param == "path" else "@" + path)
    yield listening
    listening.socket.close()


def test_states_are_told_in_order(tmp_path, manager):
    """Proves READY after the pipelines are started, RELOADING with the time and READY again around a SIGHUP, STOPPING."""
    daemon = servers.Outflow(tmp_path, CONFIG).start({"NOTIFY_SOCKET": manager.address})
    assert manager.next()["READY"] == "1"
    before = time.monotonic_ns() // 1000
    daemon.child.send_signal(signal.SIGHUP)
    reloading = manager.next()
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.next()["READY"] == "1"
    assert daemon.logged("reload: done")
    daemon.child.terminate()
    assert manager.next()["STOPPING"] == "1"
    assert daemon.child.wait(timeout=20) == 0, daemon.tail()


def test_the_watchdog_is_fed_while_the_daemon_idles(tmp_path):
    """Proves that WATCHDOG=1 comes again and again, within the time that is set, and not while the process stands still."""
    manager = Manager(str(tmp_path / "notify"))
    daemon = servers.Outflow(tmp_path, CONFIG).start({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "2000000"})
    assert manager.next()["READY"] == "1"
    for _ in range(3):
        assert manager.next(2)["WATCHDOG"] == "1"
    daemon.child.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        while True:
            manager.next(2)
    daemon.child.send_signal(signal.SIGCONT)
    assert manager.next(2)["WATCHDOG"] == "1"
    daemon.child.terminate()
    assert manager.next_but_watchdog()["STOPPING"] == "1"
    assert daemon.child.wait(timeout=20) == 0, daemon.tail()


def test_a_watchdog_of_another_process_is_not_fed(tmp_path):
    """Proves that WATCHDOG_PID counts."""
    manager = Manager(str(tmp_path / "notify"))
    daemon = servers.Outflow(tmp_path, CONFIG).start(
        {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    assert manager.next()["READY"] == "1"
    with pytest.raises(TimeoutError):
        manager.next(1)
    daemon.child.terminate()
    assert manager.next()["STOPPING"] == "1"
    assert daemon.child.wait(timeout=20) == 0, daemon.tail()
