# SPDX-License-Identifier: Apache-2.0
"""Proves that the API lets in whom it should, refuses what is malformed with a clear 4xx, stays within its memory whatever
clients do, and that none of it reaches the pipelines."""
import base64
import http.client
import json
import os
import socket
import subprocess
import time

import pytest

import contract
import servers

PIPELINE = """
pipelines = ( { name = "p"; source = { class = "gen"; rate = 1000; }; sink = { class = "null"; }; } );
"""


class Daemon(servers.Outflow):
    """With the URLs of its API, once it listens."""

    def __init__(self, directory, api, pipelines=PIPELINE):
        super().__init__(directory, pipelines + api)

    def serve(self):
        self.start()
        servers.wait_until(lambda: (self.state_dir / "api").exists() or not self.alive(), 20, "the API listens")
        assert self.alive(), self.tail()
        self.urls = (self.state_dir / "api").read_text().split()
        servers.wait_until(lambda: self.ask("GET", "/health")[0] == 200, 20, "it is healthy")
        return self

    @property
    def address(self):
        host, port = self.urls[0].split("//")[1].rsplit(":", 1)
        return host, int(port)

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        headers = dict({"Content-Type": "application/json"} if body is not None else {}, **(headers or {}))
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        contract.check(method, path, answer.status, answer.getheader("Content-Type"), content)
        if answer.getheader("Content-Type") == "application/json" and content:
            content = json.loads(content)
        return answer.status, content, answer

    def raw(self, data, seconds=20):
        """What comes back for these bytes until the server closes."""
        with socket.create_connection(self.address, timeout=seconds) as s:
            s.sendall(data)
            try:
                s.shutdown(socket.SHUT_WR)
            except OSError:
                return b""  # it was closed already
            answer = b""
            while True:
                part = s.recv(65536)
                if not part:
                    return answer
                answer += part


@pytest.fixture
def serve(tmp_path):
    made = []

    def make(api='api = { listeners = "http://127.0.0.1:0"; };\n', **more):
        made.append(Daemon(tmp_path / f"daemon{len(made)}", api, **more))
        return made[-1].serve()

    yield make
    for daemon in made:
        daemon.stop()
        assert daemon.child.returncode == 0, daemon.tail()


def is_error(answer, status):
    return answer[0] == status and answer[1]["error_code"] == status and answer[1]["message"]


def test_what_is_not_there_is_said_in_json(serve):
    """Proves that errors of the frame have Kafka Connect's error body, OPTIONS says what there is, and HEAD has no body."""
    d = serve()
    assert is_error(d.ask("GET", "/nothing"), 404)
    assert is_error(d.ask("DELETE", "/connectors"), 405)
    assert is_error(d.ask("GET", "/", headers={"Accept": "text/plain"}), 406)
    assert is_error(d.ask("POST", "/connectors", "a=b", {"Content-Type": "text/plain"}), 415)
    assert is_error(d.ask("GET", "/connectors/%zz"), 400)
    assert is_error(d.ask("GET", "/connectors/a%00b"), 400)
    status, content, answer = d.ask("OPTIONS", "/connectors")
    assert status == 200 and set(answer.getheader("Allow").split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert d.ask("HEAD", "/connectors/")[:2] == (200, b"")
    assert d.ask("GET", "/connectors/")[1] == ["p"]


def test_a_page_from_elsewhere_does_not_get_in(serve):
    """Proves that on loopback without users Host must name this machine, and Origin be absent, the same, or allowed."""
    d = serve('api = { listeners = "http://127.0.0.1:0"; };\n'
              'access = { control = { allow = { origin = "https://ops.example"; methods = "GET,PUT"; }; }; };\n')
    port = d.address[1]
    assert is_error(d.ask("GET", "/", headers={"Host": "rebound.example"}), 403)
    assert d.ask("GET", "/", headers={"Host": f"localhost:{port}"})[0] == 200
    assert is_error(d.ask("GET", "/", headers={"Origin": "https://elsewhere.example"}), 403)
    assert d.ask("GET", "/", headers={"Origin": f"http://127.0.0.1:{port}"})[0] == 200
    status, _, answer = d.ask("GET", "/", headers={"Origin": "https://ops.example"})
    assert status == 200 and answer.getheader("Access-Control-Allow-Origin") == "https://ops.example"
    assert is_error(d.ask("DELETE", "/connectors/p", headers={"Origin": "https://ops.example"}), 403)
    assert d.ask("OPTIONS", "/nothing", headers={"Origin": "https://ops.example"})[0] == 404


USERS = """
api = { listeners = "http://127.0.0.1:0"; users = (
  { name = "ops"; token = "secret-token"; password = "${file:%s}"; },
  { name = "eyes"; password = "look"; role = "read-only"; } ); };
"""


def test_users_and_roles(serve, tmp_path):
    """Proves that only users get in, by token or password, and that a read-only one changes nothing."""
    (tmp_path / "password").write_text("s3cret\n")
    d = serve(USERS % (tmp_path / "password"))

    def basic(pair):
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, basic("ops:wrong"),
                    basic("nobody:s3cret"), basic("eyes:"), {"Authorization": "Basic ???"}):
        answer = d.ask("GET", "/connectors", headers=headers)
        assert is_error(answer, 401) and answer[2].getheader("WWW-Authenticate")
    assert d.ask("GET", "/health")[0] == 200
    assert d.ask("GET", "/connectors", headers={"Authorization": "Bearer secret-token"})[0] == 200
    assert d.ask("PUT", "/connectors/p/pause", headers=basic("ops:s3cret"))[0] == 202
    assert d.ask("GET", "/connectors/p/status", headers=basic("eyes:look"))[0] == 200
    assert is_error(d.ask("PUT", "/connectors/p/stop", headers=basic("eyes:look")), 403)
    assert d.ask("PUT", "/connector-plugins/gen/config/validate", {"connector.class": "gen"}, basic("eyes:look"))[0] == 200


def refused(tmp_path, api):
    d = Daemon(tmp_path, api)
    d.start()
    status = d.child.wait(timeout=20)
    return status, d.tail()


def test_beyond_loopback_only_with_authentication(tmp_path, serve):
    """Proves that nobody opens the API to a network by accident, and that the plain words do."""
    status, said = refused(tmp_path, 'api = { listeners = "http://0.0.0.0:0"; };\n')
    assert status == 2 and "api.users" in said and "api.insecure" in said
    serve('api = { listeners = "http://0.0.0.0:0"; insecure = "anyone who reaches this address controls Outflow"; };\n')


def test_an_address_in_use_is_named(tmp_path):
    """Proves that a listener that was asked for and cannot be had ends the start."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        status, said = refused(tmp_path, f'api = {{ listeners = "http://127.0.0.1:{s.getsockname()[1]}"; }};\n')
    assert status == 3 and "in use" in said


def test_the_socket_is_its_user_s_alone(tmp_path, serve):
    """Proves that a Unix socket is made for its user, replaces a dead one, and goes with the daemon."""
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    d = serve(f'api = {{ listeners = [ "http://127.0.0.1:0", "unix:{path}" ]; }};\n')
    assert os.stat(path).st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"GET / HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
    d.stop()
    assert not path.exists() and not (d.state_dir / "api").exists()


def test_tls_and_client_certificates(tmp_path, serve):
    """Proves that https serves with its certificate, and that without a client's the API is closed when they are asked for."""
    def make(name, *more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem", *more], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    make("localhost", "-addext", "subjectAltName=DNS:localhost")
    make("client")
    d = serve(f"""api = {{ listeners = [ "http://127.0.0.1:0", "https://localhost:0" ]; tls = {{
        certificate = "{tmp_path}/localhost.pem"; key = "{tmp_path}/localhost.key";
        client = {{ ca = "{tmp_path}/client.pem"; }}; }}; }};""")
    curl = ["curl", "-s", "-m", "20", "--cacert", tmp_path / "localhost.pem", "-w", "%{http_code}", d.urls[1] + "/connectors"]
    assert subprocess.run(curl, stdout=subprocess.PIPE).stdout.decode().endswith("403")
    curl += ["--cert", tmp_path / "client.pem", "--key", tmp_path / "client.key"]
    assert subprocess.run(curl, stdout=subprocess.PIPE).stdout.decode() == '["p"]200'


def test_malformed_http_is_refused(serve):
    """Proves that what is no HTTP, or too much of it, gets a 4xx or a closed connection, and nothing else stops."""
    d = serve('api = { listeners = "http://127.0.0.1:0"; client = { timeout = "2s"; }; };\n')
    host = b"Host: localhost\r\n"
    for data in (b"\r\n\r\n\0\1\2", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n" + host + b"\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
                 b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + host + b"\r\n",
                 b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 1000000 + b"\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + host + b"X: 1\r\n" * 20000 + b"\r\n",
                 b"POST /connectors HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: -5\r\n\r\n{}",
                 b"POST /connectors HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"):
        try:
            answer = d.raw(data)
        except ConnectionError:
            answer = b""
        assert answer == b"" or answer.split()[1][:1] in (b"4", b"5"), answer[:100]
        assert d.ask("GET", "/connectors")[0] == 200


def test_bodies_that_are_too_much(serve):
    """Proves that deep, wide and long JSON is refused with bounded memory, while the pipeline goes on."""
    d = serve()
    for body in ("[" * 100000, '{"a":' * 5000, "[" + "1," * 200000 + "1]", "{", '{"name": "\\u0000"}', '"' * 3):
        assert is_error(d.ask("POST", "/connectors", body), 400)
    assert is_error(d.ask("POST", "/connectors", "{", {"Content-Length": "104857600"}), 413)
    with socket.create_connection(d.address, timeout=20) as s:
        s.sendall(b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            s.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        s.sendall(b"0\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 413")
    assert d.memory()["RssAnon"] < (160 if "san" in servers.BUILD.name else 40) * 1024
    assert d.ask("GET", "/connectors/p/status")[1]["tasks"][0]["state"] == "RUNNING"


def test_idle_and_slow_clients(serve):
    """Proves that 200 idle connections hold up nobody and cost little, and that clients that never finish are sent away."""
    d = serve('api = { listeners = "http://127.0.0.1:0"; client = { timeout = "1s"; }; };\n')
    idle = [socket.create_connection(d.address, timeout=20) for _ in range(200)]
    assert d.ask("GET", "/connectors")[0] == 200
    assert d.memory()["RssAnon"] < (80 if "san" in servers.BUILD.name else 20) * 1024
    slow = socket.create_connection(d.address, timeout=20)
    deadline = time.monotonic() + 20
    with pytest.raises(ConnectionError):
        slow.settimeout(0.1)
        for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 10000:
            assert time.monotonic() < deadline
            slow.send(bytes([byte]))
            try:
                if slow.recv(1) == b"":
                    raise ConnectionError
            except socket.timeout:
                pass
    for s in idle:
        assert s.recv(1) == b""
        s.close()
    slow.close()


def test_one_connection_more_than_there_may_be(serve):
    """Proves that the connection that is idle longest makes room."""
    d = serve('api = { listeners = "http://127.0.0.1:0"; connections = { max = 8; }; };\n')
    idle = [socket.create_connection(d.address, timeout=20) for _ in range(30)]
    assert d.ask("GET", "/connectors")[0] == 200
    assert idle[0].recv(1) == b""
    for s in idle:
        s.close()
