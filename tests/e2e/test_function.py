# SPDX-License-Identifier: Apache-2.0
"""External functions in the real daemon: one that works, one that goes away and comes back, one that never answers."""
import http.server
import json
import ssl
import subprocess
import threading

import pytest

import servers


class Function:
    """An HTTP server that calls handle(events) for each request: it returns the answer, or a status."""

    def __init__(self, handle, port=0, certificate=None):
        function = self
        self.requests = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are written one after the other

            def do_POST(self):
                function.requests += 1
                answer = handle(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = b"" if isinstance(answer, int) else json.dumps(answer).encode()
                self.send_response(answer if isinstance(answer, int) else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.connections = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=True)
        self.server.daemon_threads = True
        accept = self.server.get_request

        def remember():
            connection, address = accept()
            self.connections.append(connection)
            return connection, address

        self.server.get_request = remember
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.with_suffix(".crt"), certificate.with_suffix(".key"))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        """Nobody listens afterwards, and connections are gone."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(2)
            except OSError:
                pass


def config(directory, port, source="count = 300;", settings="", more="", scheme="http"):
    return (f'pipelines = ( {{ name = "p"; source = {{ class = "gen"; {source} }}; transforms = ( {{ class = "function"; '
            f'url = "{scheme}://127.0.0.1:{port}/f"; {settings} }} ); '
            f'sink = {{ class = "file"; path = "{directory / "out"}"; }}; {more} }} );\n'
            'stop = { timeout = "1s"; };\n')


def run(tmp_path, port, **keywords):
    daemon = servers.Outflow(tmp_path, config(tmp_path, port, **keywords))
    daemon.spawn(daemon.command("run", "--until-done"))
    return daemon


def numbers(tmp_path):
    out = tmp_path / "out"
    return [json.loads(line)["seq"] for line in out.read_text().splitlines()] if out.exists() else []


def bodies(events):
    return [e["data"]["body"] for e in events]


@pytest.mark.parametrize("batch", [1, 50])
def test_answers_become_records(tmp_path, batch):
    """Proves that events are changed, filtered and multiplied by a function, with one event in a request and with many."""
    def handle(events):
        answers = []
        for body in bodies(events):
            answers.append([body] * (body["seq"] % 3))
        return answers if batch > 1 else answers[0]

    function = Function(handle)
    daemon = run(tmp_path, function.port, settings=f"batch = {batch};")
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    function.stop()
    assert numbers(tmp_path) == [n for n in range(300) for _ in range(n % 3)]
    assert daemon.accounts()["p", 0]["filtered"] == 100
    assert function.requests <= 300 / batch + 5


def test_a_function_that_returns_its_events_changes_nothing(tmp_path):
    """Proves that answer = "event" takes back what was sent, byte for byte."""
    function = Function(lambda events: events)
    daemon = run(tmp_path, function.port, settings='answer = "event"; batch = 100;')
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    function.stop()
    assert numbers(tmp_path) == list(range(300))


def test_a_function_that_is_away_for_a_while(tmp_path):
    """Proves that a function that is not there, goes away in the middle of its work and comes back costs waiting, and no
    record: each arrives once, in order."""
    port = servers.free_port()
    daemon = run(tmp_path, port, source="count = 2000;", settings="batch = 20;")
    servers.wait_until(lambda: daemon.logged("will be tried again"), 20, "the function is missed")
    half = threading.Event()

    def handle(events):
        if bodies(events)[-1]["seq"] > 1000:
            half.set()
        return bodies(events)

    function = Function(handle, port)
    assert half.wait(60), daemon.tail()
    function.stop()
    before = daemon.log.read_text().count("will be tried again")
    servers.wait_until(lambda: daemon.log.read_text().count("will be tried again") > before or not daemon.alive(), 30,
                       "the function is missed again")
    function = Function(handle, port)
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    function.stop()
    assert numbers(tmp_path) == list(range(2000))
    assert daemon.accounts()["p", 0]["delivered"] == 2000


def test_trouble_is_retried_and_refusals_are_dead_letters(tmp_path):
    """Proves that 500 is tried again as the retry policy says, that 422 is a dead letter at once, and that both leave the
    other records alone."""
    tried = {}

    def handle(events):
        seq = bodies(events)[0]["seq"]
        tried[seq] = tried.get(seq, 0) + 1
        if seq % 50 == 7:
            return 422
        if seq % 50 == 9 and tried[seq] < 3:
            return 503
        return bodies(events)

    function = Function(handle)
    daemon = run(tmp_path, function.port, source="count = 200;",
                 more='errors = { tolerance = "all"; }; retry = { policy = "custom"; initial = "20ms"; }; '
                      f'deadletter = {{ class = "file"; path = "{tmp_path / "letters"}"; format = "json"; topic = "dead"; }};')
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    function.stop()
    assert numbers(tmp_path) == [n for n in range(200) if n % 50 != 7]
    letters = (tmp_path / "letters").read_text()
    assert letters.count("\n") == 4 and letters.count("the answer is status 422") == 4
    assert daemon.accounts()["p", 0]["dead_lettered"] == 4


def test_refused_credentials_stop_the_pipeline(tmp_path):
    """Proves that 401 loses nothing, even when errors are tolerated: the task stops and says why."""
    function = Function(lambda events: 401)
    daemon = run(tmp_path, function.port, more='errors = { tolerance = "all"; }; restart = { policy = "never"; };')
    assert daemon.child.wait(timeout=60) == 1, daemon.tail()
    function.stop()
    assert daemon.logged("status 401; the credentials are not accepted")
    assert not numbers(tmp_path) and daemon.accounts()["p", 0]["dropped"] == 0


def test_a_stop_does_not_wait_for_a_function(tmp_path):
    """Proves that a daemon whose function hangs ends by its deadline, and goes on with the same records afterwards; and that
    another pipeline does not notice."""
    hang, arrived = threading.Event(), threading.Event()

    def handle(events):
        arrived.set()
        hang.wait(60)
        return bodies(events)

    function = Function(handle)
    other = (f'{{ name = "other"; source = {{ class = "gen"; count = 1000; }}; '
             f'sink = {{ class = "file"; path = "{tmp_path / "other"}"; }}; }}')
    text = config(tmp_path, function.port).replace("} );\nstop", f"}}, {other} );\nstop")
    daemon = servers.Outflow(tmp_path, text)
    daemon.start()
    assert arrived.wait(20), daemon.tail()
    servers.wait_until(lambda: (tmp_path / "other").exists() and (tmp_path / "other").read_text().count("\n") == 1000, 20,
                       "the other pipeline works")
    daemon.child.terminate()
    assert daemon.child.wait(timeout=20) == 0, daemon.tail()
    assert not numbers(tmp_path)
    hang.set()
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    function.stop()
    assert numbers(tmp_path) == list(range(300))


def test_certificates_are_checked(tmp_path):
    """Proves that a function with a certificate that nobody vouches for gets no events, and with tls.ca it does."""
    certificate = tmp_path / "function.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=function",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "function.key", "-out", certificate],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    function = Function(bodies, certificate=certificate)
    daemon = run(tmp_path, function.port, scheme="https")
    servers.wait_until(lambda: daemon.logged("SSL certificate problem"), 20, "it says why")
    daemon.stop()
    assert function.requests == 0 and not numbers(tmp_path)
    daemon = run(tmp_path, function.port, scheme="https", settings=f'tls = {{ ca = "{certificate}"; }};')
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    function.stop()
    assert numbers(tmp_path) == list(range(300))
