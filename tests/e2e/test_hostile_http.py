# SPDX-License-Identifier: Apache-2.0
"""Proves that whatever clients send gets a clear 4xx (505 for another version of HTTP) or loses its connection, that memory and
descriptors stay bounded, that others are answered meanwhile, and that a running pipeline does not notice. Prints what was measured."""
import concurrent.futures
import json
import os
import socket
import threading
import time

import pytest

import contract
import servers
from test_api_server import Daemon

RATE = 1000
PIPELINE = """
pipelines = ( { name = "steady"; source = { class = "gen"; size = "50B"; }; throttle = { records = { per = { second = %d; }; }; };
  sink = { class = "file"; path = "%s"; }; } );
"""
API = 'api = { listeners = "http://127.0.0.1:0"; client = { timeout = "2s"; }; };\n'
HOST = b"Host: localhost\r\nConnection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
MEMORY_MAX = (512 if servers.SANITIZED else 64) * 1024  # KiB


class Watch(threading.Thread):
    """Looks at the file that the pipeline writes, and at the daemon's memory, while others attack."""

    def __init__(self, daemon, path):
        super().__init__()
        self.daemon_process, self.path = daemon, path
        self.ended = threading.Event()
        self.longest_stall, self.peak, self.grown, self.seconds = 0.0, 0, 0, 0.0

    def run(self):
        start = last = time.monotonic()
        first = size = self.path.stat().st_size
        self.peak = self.daemon_process.memory()["RssAnon"]
        while not self.ended.wait(0.02):
            now, grown = time.monotonic(), self.path.stat().st_size
            if grown > size:
                size, last = grown, now
            self.longest_stall = max(self.longest_stall, now - last)
            self.peak = max(self.peak, self.daemon_process.memory()["RssAnon"])
        self.seconds, self.grown = time.monotonic() - start, size - first

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self.ended.set()
        self.join()


def check_flow(d, out, watch, line):
    assert watch.peak < MEMORY_MAX
    assert watch.longest_stall < 1
    assert watch.grown / line > 0.9 * RATE * (watch.seconds - 2)
    assert d.ask("GET", "/connectors/steady/status")[1]["tasks"][0]["state"] == "RUNNING"
    d.stop()
    assert d.child.returncode == 0, d.tail()
    numbers = [json.loads(record)["seq"] for record in out.read_text().splitlines()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.fixture
def attacked(tmp_path):
    """A daemon under attack; afterwards nothing has been lost, nobody has waited, and all is given back."""
    out = tmp_path / "out"
    d = Daemon(tmp_path / "daemon", API, pipelines=PIPELINE % (RATE, out))
    try:
        d.serve()
        servers.wait_until(lambda: out.exists() and out.stat().st_size > 10000, 20, "records flow")
        descriptors = len(os.listdir(f"/proc/{d.child.pid}/fd"))
        before = d.memory()["RssAnon"]
        line = out.read_bytes().index(b"\n") + 1
        with Watch(d, out) as watch:
            yield d
        print(f"\nprivate memory before {before} KiB, at most {watch.peak} KiB; {watch.grown / line / watch.seconds:.0f} of {RATE} "
              f"records/s for {watch.seconds:.1f} s, longest stall {watch.longest_stall * 1000:.0f} ms")
        servers.wait_until(lambda: len(os.listdir(f"/proc/{d.child.pid}/fd")) <= descriptors + 2, 20, "descriptors are given back")
        check_flow(d, out, watch, line)
    finally:
        d.kill()


def send(d, data):
    """What comes back until the server closes."""
    answer = b""
    try:
        with socket.create_connection(d.address, timeout=60) as s:
            s.sendall(data)
            while part := s.recv(65536):
                answer += part
    except ConnectionError:
        pass  # it had enough before all was sent
    return answer


def status(answer):
    """0: the connection was closed without a word."""
    return int(answer.split()[1]) if answer else 0


def is_refusal(number):
    return number == 0 or 400 <= number < 500 or number == 505


def post(path, body):
    head = f"POST {path} HTTP/1.1\r\n".encode() + HOST + JSON
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


MALFORMED = {
    "nothing but zeros": bytes(100),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "no target": b"GET\r\n\r\n",
    "no version": b"GET /connectors\r\n\r\n",
    "another protocol": b"GET / SIP/2.0\r\n" + HOST + b"\r\n",
    "another version": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a long method": b"A" * 100000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long target": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long query": b"GET /?" + b"a=b&" * 50000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many parts": b"GET " + b"/a" * 1000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target that is none": b"GET connectors HTTP/1.1\r\n" + HOST + b"\r\n",
    "half an escape": b"GET /connectors/%4 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /connectors/a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
    "escaped NUL": b"GET /connectors/%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "no UTF-8": b"GET /connectors/%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 1000000 + b"\r\n\r\n",
    "a long name of a header": b"GET / HTTP/1.1\r\n" + HOST + b"X" * 1000000 + b": 1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 100000 + b"\r\n",
    "two lengths": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a negative length": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: -1\r\n\r\n{}",
    "a length that is none": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 0x10\r\n\r\n{}",
    "an endless length": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "chunks that are none": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "an endless chunk": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
    "a body that stops": b"POST /connectors HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 100\r\n\r\n{",
}


def test_malformed_http(attacked):
    """Proves it for heads, lengths and chunks that are none."""
    seen = {}
    for name, data in MALFORMED.items():
        seen[name] = status(send(attacked, data))
        assert is_refusal(seen[name]), (name, seen[name])
        assert attacked.ask("GET", "/connectors")[0] == 200
    print("\n" + ", ".join(f"{name}: {number or 'closed'}" for name, number in seen.items()))


BOMBS = {
    "deep lists": "[" * 1000000,
    "deep objects": '{"a":' * 150000,
    "65 deep": "[" * 65 + "]" * 65,
    "many values": "[" + "1," * 400000 + "1]",
    "many members": "{" + ",".join(f'"k{i}":1' for i in range(60000)) + "}",
    "endless number": '{"name":' + "9" * 900000 + "}",
    "endless exponent": '{"name":1e' + "9" * 1000 + "}",
    "a long text": '{"name":"' + "a" * 1000000 + '"}',
    "a long key": '{"' + "a" * 1000000 + '":1}',
    "half a pair": '{"name":"\\ud800"}',
    "NUL": '{"name":"a\\u0000b"}',
    "no end": '{"name":"p","config":{',
    "two values": "{}{}",
    "not a value": "nul",
    "a comment": '{"name":/**/"p"}',
}


REASONS = {"deep lists": b"more than 64 deep", "deep objects": b"more than 64 deep", "65 deep": b"more than 64 deep",
           "many values": b"more than 100000 values", "many members": b"more than 100000 values"}


@pytest.mark.parametrize("path", ("/connectors", "/v1/pipelines", "/v1/connections", "/v1/reload"))
def test_json_bombs(attacked, path):
    """Proves it for bodies below api.body.max, many at once, and for those that are longer."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for _ in range(3):
            answers = {name: pool.submit(send, attacked, post(path, body.encode())) for name, body in BOMBS.items()}
            for name, answer in answers.items():
                assert 400 <= status(answer.result()) < 500, (name, answer.result()[:300])
                assert b'"error_code"' in answer.result() and REASONS.get(name, b"") in answer.result(), (name, answer.result()[:300])
    long = post(path, b"[" + b" " * (3 << 20))
    assert status(send(attacked, long)) in (413, 0)  # 0: closed before all of it was sent, which ends with a reset
    assert status(send(attacked, long.split(b"\r\n\r\n")[0] + b"\r\nExpect: 100-continue\r\n\r\n")) == 413


def operations_with_bodies():
    for path, item in contract.DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and "application/json" in operation.get("requestBody", {}).get("content", {}):
                yield method.upper(), path.replace("{name}", "steady").replace("{logger}", "host.api").replace("{class}", "gen"), operation


def test_bodies_of_the_wrong_kind(attacked):
    """Proves that every operation that takes a body refuses another media type, another type of value, and no JSON."""
    asked = 0
    for method, path, operation in operations_with_bodies():
        wrong = attacked.ask(method, path, b"a=b", {"Content-Type": "text/plain"})
        assert wrong[0] == 415, (method, path, wrong[:2])
        for body in ('[]', '"text"', "7", "true", "[[{}]]", "{", "\xff", "{}x"):
            answer = attacked.ask(method, path, body.encode("latin-1"))
            assert 400 <= answer[0] < 500 and answer[1]["message"], (method, path, body, answer[:2])
        if operation["requestBody"]["required"]:
            assert 400 <= attacked.ask(method, path)[0] < 500, (method, path)
        asked += 1
    assert asked > 10


def test_unknown_members(attacked):
    """Proves that a member that nobody knows is refused by its name."""
    for method, path, body in (("POST", "/v1/pipelines", {"name": "p", "source": {"class": "gen", "bogus": 1}, "sink": {"class": "null"}}),
                               ("POST", "/v1/pipelines", {"name": "p", "bogus": 1, "source": {"class": "gen"}, "sink": {"class": "null"}}),
                               ("POST", "/v1/pipelines", {"name": "p", "config": {"source.class": "gen", "sink.class": "null"}, "bogus": 1}),
                               ("PUT", "/v1/connections/c", {"class": "kafka", "bogus": 1}),
                               ("PUT", "/v1/connections/c", {"config": {"class": "kafka"}, "bogus": 1}),
                               ("POST", "/connectors", {"name": "p", "config": {"source.class": "gen", "sink.class": "null", "bogus": 1}}),
                               ("POST", "/connectors", {"name": "p", "bogus": 1, "config": {"source.class": "gen", "sink.class": "null"}})):
        answer = attacked.ask(method, path, body)
        assert answer[0] == 400 and "bogus" in json.dumps(answer[1]), (method, path, body, answer[:2])


def slowly(address, data, end):
    """Sends a byte now and then until the server has had enough; says whether it has."""
    with socket.create_connection(address, timeout=20) as s:
        s.settimeout(0.2)
        for byte in data:
            if time.monotonic() > end:
                return False
            try:
                s.send(bytes([byte]))
                if s.recv(1000) == b"":
                    return True
            except socket.timeout:
                continue
            except ConnectionError:
                return True
        return False


def test_slow_clients(attacked):
    """Proves that 150 clients that send heads and bodies byte by byte, and 50 that do not read, are sent away, and that others are
    answered while they are there."""
    d = attacked
    head = b"GET /connectors HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 10000
    body = post("/connectors", b"[" + b"1," * 100000)
    ask = b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    end = time.monotonic() + 30
    lazy = [socket.create_connection(d.address, timeout=20) for _ in range(50)]
    for s in lazy:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(ask * 20)
    with concurrent.futures.ThreadPoolExecutor(150) as pool:
        slow = [pool.submit(slowly, d.address, head if i % 2 else body, end) for i in range(150)]
        waits = []
        while concurrent.futures.wait(slow, timeout=0.02).not_done:
            start = time.monotonic()
            assert d.ask("GET", "/connectors")[0] == 200
            waits.append(time.monotonic() - start)
        assert all(s.result() for s in slow)
    waits.sort()
    print(f"\n{len(waits)} answers meanwhile: half within {waits[len(waits) // 2] * 1000:.0f} ms, all within {waits[-1] * 1000:.0f} ms")
    assert waits[-1] < 5
    for s in lazy:
        s.close()


def test_many_connections(attacked):
    """Proves that 3,000 connections that come and go, and more at once than there may be, shut nobody out for good."""
    d = attacked
    for _ in range(3000):
        socket.create_connection(d.address, timeout=20).close()
    many = []
    for _ in range(600):
        try:
            many.append(socket.create_connection(d.address, timeout=20))
        except OSError:
            break
    servers.wait_until(lambda: d.ask("GET", "/connectors")[0] == 200, 20, "a new client is answered")
    for s in many:
        s.close()
