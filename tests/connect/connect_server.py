# SPDX-License-Identifier: Apache-2.0
"""Who answers Kafka Connect's REST API in the tests: Outflow, or, with CONNECT_WORKER=1, a real worker of Kafka Connect, to
see that it is not the test that is wrong."""
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import servers  # noqa: E402

# What the worker has, too: converters that pass text through, and answers to bad JSON that are Kafka Connect's.
CONFIG = """
bootstrap = {{ servers = "{kafka}"; }};
key = {{ converter = "org.apache.kafka.connect.storage.StringConverter"; }};
value = {{ converter = "org.apache.kafka.connect.storage.StringConverter"; }};
api = {{ listeners = [ "{url}" ]; }};
rest = {{ compat = "strict"; }};
checkpoint = {{ interval = "200ms"; }};
"""


class Outflow(servers.Outflow):
    def __init__(self, directory, kafka):
        self.url = f"http://127.0.0.1:{servers.free_port()}"
        super().__init__(directory, CONFIG.format(kafka=kafka, url=self.url))

    def healthy(self):
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=5) as answer:
                return json.load(answer)["status"] == "healthy"
        except (urllib.error.URLError, ConnectionError):
            return not self.alive()

    def start(self):
        super().start()
        servers.wait_until(self.healthy, 20, "outflow is healthy")
        if not self.alive():
            raise RuntimeError(f"outflow ended:\n{self.tail()}")
        return self


class Worker:
    def __init__(self, directory, kafka):
        self.directory, self.kafka, self.url = pathlib.Path(directory), kafka, None

    def command(self, *words):
        done = subprocess.run([str(HERE / "connect-worker"), *words, "--dir", str(self.directory)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"connect-worker {words[0]}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def start(self):
        self.url = self.command("start", "--bootstrap", self.kafka)
        return self

    def stop(self):
        self.command("stop")


def connect_server(directory, kafka):
    return (Worker if os.environ.get("CONNECT_WORKER") else Outflow)(directory, kafka)
