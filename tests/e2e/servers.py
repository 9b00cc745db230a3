# SPDX-License-Identifier: Apache-2.0
"""The processes that the demo and the end-to-end tests run: mosquitto, Kafka, Outflow. All on free loopback ports, all in
a directory of the caller, all ended by stop()."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
ACCOUNT = re.compile(r"(\w+)/(\d+): account: (.*)")
BUILD = pathlib.Path(os.environ.get("OUTFLOW_BUILD", TOP / "build"))
SANITIZED = "san" in BUILD.name  # slower, and larger


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, seconds, what):
    """Polls; the failure says what did not happen."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds} s: {what}")
        time.sleep(0.02)


def port_answers(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def bytes_below(directory):
    total = 0
    for path in pathlib.Path(directory).rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass  # a segment that was released meanwhile
    return total


class Process:
    """One child with its output in a file."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / f"{name}.log"
        self.child = None

    def spawn(self, command, **options):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(c) for c in command], stdout=options.pop("stdout", log), stderr=log,
                                          **options)

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            self.child.send_signal(number)
        if self.child is not None:
            self.child.wait(timeout=60)

    def stop(self):
        self.kill(signal.SIGTERM)

    def tail(self, lines=40):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def logged(self, text):
        return self.log.exists() and text in self.log.read_text(errors="replace")

    def memory(self):
        """The sizes that the kernel knows, in KiB: RssAnon is private memory, VmRSS all that is resident."""
        lines = pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines()
        return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Vm", "Rss"))}


class Mosquitto(Process):
    """A broker that queues without limit and saves when it is stopped."""

    def __init__(self, directory, extra=(), log_types=("all",)):
        super().__init__(directory, "mosquitto")
        self.port = free_port()
        data = self.directory / "mosquitto-data"
        data.mkdir(exist_ok=True)
        self.database = data / "mosquitto.db"
        lines = ["allow_anonymous true", "persistence true", f"persistence_location {data}/", "max_queued_messages 0",
                 "max_inflight_messages 1000", "autosave_interval 1800", *(f"log_type {t}" for t in log_types)]
        if os.geteuid() == 0:
            lines.append("user root")
        lines += list(extra) or [f"listener {self.port} 127.0.0.1"]
        self.config = self.directory / "mosquitto.conf"
        self.config.write_text("\n".join(lines) + "\n")

    def start(self):
        path = os.environ["PATH"] + ":/usr/sbin"
        self.spawn(["mosquitto", "-c", self.config], env=dict(os.environ, PATH=path))
        wait_until(lambda: port_answers(self.port) or not self.alive(), 10, "mosquitto listens")
        if not self.alive():
            raise RuntimeError(f"mosquitto ended:\n{self.tail()}")
        return self

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"


class MockKafka(Process):
    """librdkafka's mock cluster."""

    def __init__(self, directory, topics):
        super().__init__(directory, "mock-kafka")
        self.topics = topics
        self.bootstrap = None

    def start(self):
        self.spawn([BUILD / "tests/kafka/mock_kafka", *self.topics], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.child.stdout.readline().decode().strip()
        if not line:
            raise RuntimeError(f"the mock Kafka ended:\n{self.tail()}")
        self.bootstrap = line.split(",")[0]
        return self


class Kafka:
    """A real Apache Kafka, by tests/kafka/kafka-broker."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.bootstrap = None

    def command(self, *words):
        script = TOP / "tests/kafka/kafka-broker"
        done = subprocess.run([str(script), *words, "--dir", str(self.directory)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"kafka-broker {words[0]}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def start(self):
        self.bootstrap = self.command("start").splitlines()[-1]
        return self

    def stop(self):
        self.command("stop")


class Outflow(Process):
    """The daemon, with its state below the directory. `plugs` are plugins of tests/plug that it loads beside its own."""

    def __init__(self, directory, config, state_dir=None, prefix=(), plugs=()):
        super().__init__(directory, "outflow")
        self.config = self.directory / "outflow.conf"
        self.config.write_text(config)
        self.state_dir = pathlib.Path(state_dir or self.directory / "state")
        self.prefix = list(prefix)
        self.plugins = self.directory / "plugins"
        self.plugins.mkdir(exist_ok=True)
        for plug in plugs:
            link = self.plugins / plug
            if not link.is_symlink():
                link.symlink_to(BUILD.resolve() / "tests/plug/.libs" / plug)

    def command(self, name, *more):
        return [*self.prefix, BUILD / "outflow", name, "--plugin-path", f"{BUILD / 'plugins'}:{self.plugins}",
                "--state-dir", self.state_dir, *more, self.config]

    def start(self, env=None):
        self.spawn(self.command("run"), env=dict(os.environ, **(env or {})))
        return self

    def run(self, name, *more):
        return subprocess.run([str(c) for c in self.command(name, *more)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)

    def wait_subscribed(self, times=1):
        def subscribed():
            text = self.log.read_text(errors="replace") if self.log.exists() else ""
            return text.count("subscribed to") >= times or not self.alive()
        wait_until(subscribed, 30, f"outflow has subscribed {times} time(s)")
        if not self.alive():
            raise RuntimeError(f"outflow ended:\n{self.tail()}")

    def accounts(self):
        """The last account of each task, checked against its own sum."""
        found = {}
        for name, task, figures in ACCOUNT.findall(self.log.read_text()):
            a = {k: int(v) for k, v in (pair.split("=") for pair in figures.split())}
            assert a["received"] == sum(a[k] for k in ("filtered", "delivered", "dead_lettered", "dropped", "in_flight"))
            found[name, int(task)] = a
        return found


class SmallDisk:
    """A file system of this size for one process, which `prefix` before its command mounts in a name space of its own."""

    def __init__(self, path, size):
        self.path = pathlib.Path(path)
        self.path.mkdir()
        self.unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
        self.prefix = [*self.unshare, "sh", "-c", f'mount -t tmpfs -o size={size} none {self.path} && exec "$@"', "sh"]

    def possible(self):
        return subprocess.run([*self.prefix, "true"], stderr=subprocess.DEVNULL).returncode == 0

    def _ballast(self, process):
        return pathlib.Path(f"/proc/{process.child.pid}/root{self.path}/ballast")

    def fill(self, process):
        """Writes until nothing more fits, to the byte."""
        with open(self._ballast(process), "ab", buffering=0) as ballast:
            for size in (65536, 4096, 1):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def free(self, process):
        self._ballast(process).unlink()
