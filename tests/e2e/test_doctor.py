# SPDX-License-Identifier: Apache-2.0
"""`outflow doctor` with and without a daemon: what is well, what is not, what to do about it, and the exit status of each."""
import json
import os
import subprocess

import pytest

import native_client
import servers

CONFIG = """
connections = ( {{ name = "plant"; class = "mqtt"; broker = "{mqtt}"; username = "u"; password = "s3cret"; }} );
pipelines = ( {{ name = "p"; source = {{ connection = "plant"; topics = [ "plant/#" ]; }};
                sink = {{ class = "kafka"; bootstrap = "{kafka}"; topic = "{topic}"; }}; }} );
{more}
"""


class Patient(servers.Outflow):
    """Something to be examined."""

    def __init__(self, directory, config, **options):
        super().__init__(directory, config, **options)
        self.copies = self.directory / "copies"
        self.copies.mkdir(exist_ok=True)

    def examine(self, *words, env=None):
        """The exit status, and by subject (verdict, text, cure); what people see is the same."""
        env = dict(os.environ, TMPDIR=str(self.copies), **(env or {}))
        done = subprocess.run([str(c) for c in self.command("doctor", "--json", "--timeout", "2", *words)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, env=env)
        assert done.stdout, done.stderr
        checks = json.loads(done.stdout)["data"]["checks"]
        assert not list(self.copies.iterdir())
        assert b"s3cret" not in done.stdout + done.stderr
        return done.returncode, {c["subject"]: (c["verdict"], c["text"], c["cure"]) for c in checks}


@pytest.fixture
def make_patient(tmp_path, kafka, mosquitto, topic):
    def make(more="", name="patient", **places):
        options = {"mqtt": mosquitto.url, "kafka": kafka.bootstrap, "topic": topic, "more": more}
        passed = {k: places.pop(k) for k in ("plugs", "prefix", "state_dir") if k in places}
        return Patient(tmp_path / name, CONFIG.format(**{**options, **places}), **passed)
    return make


def failed(found):
    return sorted(subject for subject, check in found.items() if check[0] == "failed")


def test_all_is_well_without_a_daemon(make_patient, topic):
    """Proves that every part is examined, that a daemon that does not run is a warning, and that nothing is left behind."""
    patient = make_patient()
    status, found = patient.examine()
    assert status == 0 and failed(found) == [], found
    for subject in ("program", "libraries", "state directory", "file system", "room", "open files", "configuration"):
        assert subject in found
    assert "librdkafka 2" in found["plugin kafka"][1] and "Paho C 1" in found["plugin mqtt"][1]
    assert found["configuration"][1].endswith(": 1 pipeline, 1 connection")
    assert found["daemon"][0] == "warning" and "outflow run" in found["daemon"][2]
    assert found["connection plant"][0] == found["source of p"][0] == "ok"
    assert f"{topic} has 2 partitions" in found["sink of p"][1]
    assert not patient.state_dir.exists()
    shown = patient.run("doctor").stdout.decode()
    assert "ok      connection plant" in shown and shown.splitlines()[-1].endswith(", 0 failed")


def test_what_cannot_be_reached_is_said_once(make_patient):
    """Proves that a refused port, a missing topic and a plugin that hangs are found, each with its reason: exit status 1."""
    port = servers.free_port()
    status, found = make_patient(mqtt=f"tcp://127.0.0.1:{port}", topic="no-such-topic").examine()
    assert status == 1 and failed(found) == ["connection plant", "sink of p"]
    assert "Connection refused" in found["connection plant"][1]
    assert "'no-such-topic' does not exist" in found["sink of p"][1]
    assert "source of p" not in found  # its connection was told of
    hanging = 'connections = ( { name = "h"; class = "hanging"; at = "probe"; until = "/nowhere"; } );'
    patient = make_patient(name="hanging", plugs=["hanging.so"])
    (patient.directory / "more.conf").write_text(hanging)
    status, found = patient.examine(patient.directory / "more.conf")
    assert status == 1 and failed(found) == ["connection h"] and "hangs in 'second'" in found["connection h"][1]


def test_plugins_that_do_not_load(make_patient):
    """Proves that a plugin that crashes, hangs or is of another ABI is a line with its reason."""
    status, found = make_patient(plugs=["crash_at_load.so", "wrong_major.so"]).examine()
    assert status == 1 and found["plugin"][0] == "failed" and found["plugin kafka"][0] == "ok"
    assert found["plugin"][2]
    shown = make_patient(plugs=["crash_at_load.so", "wrong_major.so"]).run("doctor").stdout.decode()
    assert "crash_at_load.so" in shown and "wrong_major.so" in shown


def test_mistakes_of_the_configuration(make_patient):
    """Proves that mistakes come with file and line, and that usage and they are exit status 2."""
    patient = make_patient()
    patient.config.write_text(patient.config.read_text().replace("topics", "topisc"))
    status, found = patient.examine()
    assert status == 2 and found["connection plant"][0] == "ok"  # the rest is examined all the same
    line = patient.config.read_text().split("topisc")[0].count("\n") + 1
    shown = " ".join(patient.run("doctor").stdout.decode().split())
    assert f"FAILED {patient.config}:{line} pipeline p: source.topisc: unknown key; did you mean 'source.topics'?" in shown
    assert patient.run("doctor", "--timeout", "0").returncode == 2
    assert patient.run("doctor", "--no-such-option").returncode == 2


def test_the_environment(make_patient, tmp_path):
    """Proves that no plugins, a state directory that is none, little room and few open files are found: exit status 3."""
    patient = make_patient()
    status, found = patient.examine("--plugin-path", tmp_path / "nowhere")
    assert status == 3 and found["plugins"][0] == "failed"
    (tmp_path / "file").touch()
    patient = make_patient(state_dir=tmp_path / "file")
    status, found = patient.examine()
    assert status == 3 and "Not a directory" in found["state directory"][1] and found["state directory"][2]
    patient = make_patient(prefix=["prlimit", "--nofile=300:300"])
    status, found = patient.examine()
    assert status == 0 and found["open files"][0] == "warning" and "300" in found["open files"][1]
    disk = servers.SmallDisk(tmp_path / "disk", "8M")
    if not disk.possible():
        pytest.skip("no name spaces here")
    patient = make_patient(prefix=disk.prefix, state_dir=tmp_path / "disk")
    status, found = patient.examine()
    assert status == 3 and found["room"][0] == "failed" and found["file system"][0] == "warning"
    assert "tmpfs" in found["file system"][1]


def test_beside_a_daemon(make_patient, tmp_path, mosquitto):
    """Proves that a running daemon tells of its pipelines and tests its connections, created ones, too."""
    daemon = native_client.Daemon(tmp_path / "daemon").start()
    try:
        daemon.call("PUT", "/v1/connections/made", {"class": "mqtt", "broker": mosquitto.url})
        daemon.call("PUT", "/v1/connections/away", {"class": "kafka", "bootstrap": f"127.0.0.1:{servers.free_port()}"})
        daemon.call("POST", "/v1/pipelines", {"name": "q", "start": True, "source": {"class": "gen"}, "sink": {"class": "null"}})
        daemon.wait_state("q", "RUNNING")
        patient = make_patient(state_dir=daemon.state_dir)
        status, found = patient.examine()
        assert status == 1 and failed(found) == ["connection away"], found
        assert daemon.url in found["daemon"][1] or "unix:" in found["daemon"][1]
        assert found["pipeline q"] == ("ok", "is RUNNING", None)
        assert found["connection made"][0] == found["source of p"][0] == "ok" and "connection plant" not in found
        assert found["open files"][1].startswith("the daemon may open")
        daemon.call("POST", "/v1/pipelines", {"name": "r", "start": True, "source": {"class": "file", "path": "/no/such/file"},
                                              "sink": {"class": "null"}})
        daemon.wait_state("r", "STARTING_FAILED")
        status, found = patient.examine("--url", daemon.url)
        assert found["pipeline r"][0] == "failed" and "/no/such/file" in found["pipeline r"][1]
    finally:
        daemon.kill()
    status, found = patient.examine("--url", daemon.url)
    assert status == 3 and found["daemon"][0] == "failed"


def test_a_daemon_that_lets_nobody_in(make_patient, tmp_path):
    """Proves that a missing token is told as such, and taken from the environment."""
    daemon = native_client.Daemon(tmp_path / "daemon")
    daemon.config.write_text('api = { listeners = [ "http://127.0.0.1:0" ]; users = ( { name = "me"; token = "t0ken"; } ); };')
    servers.Outflow.start(daemon)
    try:
        servers.wait_until(lambda: (daemon.state_dir / "api").exists(), 20, "the API listens")
        url = next(a for a in (daemon.state_dir / "api").read_text().split() if a.startswith("http"))
        servers.wait_until(lambda: make_patient().examine("--url", url, env={"OUTFLOW_TOKEN": "t0ken"})[0] == 0, 30,
                           "the daemon is ready")
        status, found = make_patient().examine("--url", url)
        assert status == 3 and found["daemon"][0] == "failed" and "OUTFLOW_TOKEN" in found["daemon"][2]
    finally:
        daemon.kill()
