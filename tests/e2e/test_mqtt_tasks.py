# SPDX-License-Identifier: Apache-2.0
"""Several MQTT tasks share one subscription, and a task that is no longer wanted delivers what is left before it goes."""
import collections
import subprocess

import pytest

import servers
from test_pipelines import Daemon


def publish(mosquitto, numbers):
    """By mosquitto_pub, which waits for its acknowledgements before it ends."""
    lines = "".join(f"{n}\n" for n in numbers)
    subprocess.run(["mosquitto_pub", "-p", str(mosquitto.port), "-q", "1", "-t", "t/x", "-l"], input=lines.encode(),
                   timeout=60, check=True)


def config(mosquitto, tasks, sink, source=""):
    return (f'pipelines = ( {{ name = "p"; source = {{ class = "mqtt"; broker = "{mosquitto.url}"; topics = [ "t/#" ]; '
            f'format = "text"; {source} }}; sink = {{ {sink} }}; tasks = {{ max = {tasks}; }}; }} );\n'
            'stop = { timeout = "1s"; };\n')


def counts(path):
    text = path.read_text() if path.exists() else ""
    return collections.Counter(int(line) for line in text.split("\n")[:-1])


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_tasks_share_and_retire(tmp_path, mosquitto, protocol):
    """Proves that three tasks take each message once; that with one task left the others' journals and what the broker kept
    for them are delivered; and that their sessions at the broker end, once."""
    out = tmp_path / "out"
    source, to_file = f'protocol = "{protocol}";', f'class = "file"; path = "{out}";'
    daemon = Daemon(tmp_path, config(mosquitto, 3, to_file, source))

    def use(text):
        daemon.config.write_text(text)
        daemon.log.unlink(missing_ok=True)
        daemon.start()

    use(config(mosquitto, 3, to_file, source))
    daemon.wait_subscribed(3)
    publish(mosquitto, range(600))
    servers.wait_until(lambda: set(counts(out)) == set(range(600)), 30, "all have arrived")
    assert max(counts(out).values()) == 1
    daemon.stop()
    assert all(daemon.accounts()["p", task]["delivered"] > 100 for task in range(3)), daemon.accounts()

    # A sink that never answers leaves their messages in their journals ...
    use(config(mosquitto, 3, 'class = "never";', source))
    daemon.wait_subscribed(3)
    publish(mosquitto, range(600, 900))
    files = [f for f in (daemon.state_dir / "journal").rglob("*") if f.is_file()]
    servers.wait_until(lambda: any(b"899" in f.read_bytes() for f in files), 30, "the last one is in a journal")
    daemon.stop()
    assert all(daemon.accounts()["p", task]["in_flight"] > 0 for task in range(3)), daemon.accounts()
    # ... and more waits in their sessions at the broker.
    publish(mosquitto, range(900, 1200))

    use(config(mosquitto, 1, to_file, source))
    servers.wait_until(lambda: set(counts(out)) == set(range(1200)), 60, "everything has arrived")
    servers.wait_until(lambda: daemon.log.read_text().count("retired: the session of") == 2, 30, "both have gone")
    servers.wait_until(lambda: daemon.log.read_text().count("COMPLETED") == 2, 30, "both have ended")
    publish(mosquitto, range(1200, 1300))
    servers.wait_until(lambda: set(counts(out)) == set(range(1300)), 30, "nobody else gets a share any more")
    daemon.stop()

    # Nothing is left to retire; and a seat that comes back is an ordinary one.
    use(config(mosquitto, 1, to_file, source))
    daemon.wait_subscribed(1)
    daemon.stop()
    assert not daemon.logged("p/1")
    use(config(mosquitto, 2, to_file, source))
    daemon.wait_subscribed(2)
    publish(mosquitto, range(1300, 1500))
    servers.wait_until(lambda: set(counts(out)) == set(range(1500)), 30, "both share again")
    assert not daemon.logged("has forgotten the session of outflow-p-1")
    daemon.stop()
