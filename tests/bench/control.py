# SPDX-License-Identifier: Apache-2.0
"""What controlling the daemon costs: answers to create, pause, resume and delete while data flows; many idle pipelines in
one process; from a POST to the first record; from exec to the open listener; what a tap costs the flow that it shows."""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import servers  # noqa: E402

HOST = 'api = { listeners = [ "http://127.0.0.1:0" ]; };\nlog = { level = "warn"; };\n'
FLOW = 'pipelines = ( { name = "flow"; source = { class = "gen"; rate = 20000; }; sink = { class = "null"; }; } );\n'


class Api:
    def __init__(self, daemon):
        path = daemon.state_dir / "api"
        url = servers.wait_until(lambda: path.exists() and path.read_text().split(), 20, "the API listens")[0]
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        servers.wait_until(lambda: self("GET", "/readyz")[0] == 200, 60, "the daemon is ready")

    def __call__(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text


def pipeline(name, start=True, **source):
    return {"name": name, "start": start, "source": {"class": "gen", **source}, "sink": {"class": "null"}}


def delivered(api, name):
    return api("GET", f"/v1/pipelines/{name}")[1]["figures"]["delivered"]


def quantile(times, q):
    return sorted(times)[min(len(times) - 1, int(len(times) * q))] * 1000


def rate_of(api, records):
    before, begun = delivered(api, "flow"), time.monotonic()
    servers.wait_until(lambda: delivered(api, "flow") >= before + records, 60, f"{records} records are delivered")
    return (delivered(api, "flow") - before) / (time.monotonic() - begun)


def cycles(directory, n):
    daemon = servers.Outflow(directory / "cycles", HOST + FLOW).start()
    api, times = Api(daemon), {}
    quiet = rate_of(api, 60000)
    before, begun = delivered(api, "flow"), time.monotonic()
    for i in range(n):
        name = f"p{i % 10}"
        for what, method, path, body, wanted in (("create", "POST", "/v1/pipelines", pipeline(name, rate=10), 201),
                                                 ("pause", "POST", f"/v1/pipelines/{name}/pause", None, 202),
                                                 ("resume", "POST", f"/v1/pipelines/{name}/resume", None, 202),
                                                 ("delete", "DELETE", f"/v1/pipelines/{name}", None, 204)):
            at = time.monotonic()
            status, answer = api(method, path, body)
            times.setdefault(what, []).append(time.monotonic() - at)
            assert status == wanted, (what, status, answer)
    busy = (delivered(api, "flow") - before) / (time.monotonic() - begun)
    daemon.stop()
    every = [t for each in times.values() for t in each]
    print(f"{n} cycles under {busy:,.0f} records/s ({busy / quiet:.2f} of quiet): p50 {quantile(every, 0.5):.1f} ms, "
          f"p99 {quantile(every, 0.99):.1f} ms, max {max(every) * 1000:.1f} ms  "
          + ", ".join(f"{what} p99 {quantile(each, 0.99):.1f}" for what, each in times.items()))


def idle(directory, n):
    each = ", ".join(f'{{ name = "p{i}"; source = {{ class = "{("gen", "file")[i % 2]}"; '
                     f'{("rate = 1;", "path = " + chr(34) + "/dev/null" + chr(34) + "; follow = true;")[i % 2]} }}; '
                     f'sink = {{ class = "null"; }}; }}' for i in range(n))
    daemon = servers.Outflow(directory / "idle", HOST + f"pipelines = ( {each} );\n")
    begun = time.monotonic()
    daemon.start()
    api = Api(daemon)

    def all_run():
        text = api("GET", "/connectors?expand=status")[1]
        return sum(c["status"]["connector"]["state"] == "RUNNING" and c["status"]["tasks"][:1] and
                   c["status"]["tasks"][0]["state"] == "RUNNING" for c in text.values()) == n
    servers.wait_until(all_run, 60, f"{n} pipelines run")
    started = time.monotonic() - begun
    memory = daemon.memory()
    print(f"{n} idle pipelines: all running {started:.2f} s after exec, {memory['RssAnon'] / 1024:.1f} MiB private, "
          f"{memory['VmRSS'] / 1024:.1f} MiB resident")
    daemon.stop()


def first_record(directory, n):
    daemon = servers.Outflow(directory / "first", HOST).start()
    api, times = Api(daemon), []
    for i in range(n):
        file = directory / f"first{i}"
        at = time.monotonic()
        status, answer = api("POST", "/v1/pipelines", {"name": f"p{i}", "start": True,
                                                       "source": {"class": "gen", "count": 1},
                                                       "sink": {"class": "file", "path": str(file)}})
        assert status == 201, answer
        while not file.exists() or file.stat().st_size == 0:
            pass
        times.append(time.monotonic() - at)
    daemon.stop()
    print(f"from POST to the first record in the sink (gen, file): median {statistics.median(times) * 1000:.1f} ms, "
          f"max {max(times) * 1000:.1f} ms of {n}")


def listening(directory, n):
    times = []
    for i in range(n):
        daemon = servers.Outflow(directory / f"listening{i}", HOST)
        path, at = daemon.state_dir / "api", time.monotonic()
        daemon.start()
        while not path.exists():
            pass
        times.append(time.monotonic() - at)
        daemon.stop()
    print(f"listening: median {statistics.median(times) * 1000:.1f} ms after fork and exec, max {max(times) * 1000:.1f} ms of {n}")


def cpu_seconds(daemon):
    fields = pathlib.Path(f"/proc/{daemon.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tap_reader(url, stop):
    """Reads a tap until it is told to stop; how many records it was shown."""
    shown, host = 0, urllib.parse.urlsplit(url).netloc
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/v1/pipelines/flow/tap")
    answer = connection.getresponse()
    while not stop.is_set():
        shown += answer.readline().startswith(b"event: record")
    connection.close()
    return shown


def tapped(directory, pairs):
    daemon = servers.Outflow(directory / "tapped", HOST + FLOW.replace("rate = 20000;", "")).start()
    api, ratios, shown = Api(daemon), [], 0
    url = (daemon.state_dir / "api").read_text().split()[0]
    rate_of(api, 2000000)
    for i in range(pairs):
        rates, costs = {}, {}
        for how in (("quiet", "tapped") if i % 2 else ("tapped", "quiet")):
            stop = threading.Event()
            with concurrent.futures.ThreadPoolExecutor() as threads:
                reader = threads.submit(tap_reader, url, stop) if how == "tapped" else None
                before, cpu = delivered(api, "flow"), cpu_seconds(daemon)
                rates[how] = rate_of(api, 4000000)
                costs[how] = (cpu_seconds(daemon) - cpu) / (delivered(api, "flow") - before)
                stop.set()
                shown += reader.result() if reader else 0
        ratios.append(costs["tapped"] / costs["quiet"])
    daemon.stop()
    print(f"gen to null as fast as it goes, with and without one tap (1,000 records a second, a client on the same machine): "
          f"{statistics.median(ratios):.3f} of the daemon's CPU time a record without (median of {pairs} pairs, "
          f"{min(ratios):.3f} to {max(ratios):.3f}), last {rates['quiet']:,.0f} records/s; {shown} records shown")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--pipelines", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="outflow-bench-") as directory:
        directory = pathlib.Path(directory)
        listening(directory, 20)
        first_record(directory, 50)
        idle(directory, options.pipelines)
        cycles(directory, options.cycles)
        tapped(directory, options.pairs)


if __name__ == "__main__":
    main()
