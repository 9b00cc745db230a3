# SPDX-License-Identifier: Apache-2.0
"""One walk through Kafka Connect's REST API, with a real worker's answers as the measure.

walk.json holds the requests, one step a line; golden.json what a worker of Apache Kafka Connect answered to each;
differences.json where Outflow answers otherwise, and why. What differs from one run to the next (addresses, times, free
text) is replaced by a word with a dollar sign, in what is recorded as in what is compared.

A step: name, then one of
  send     "METHOD PATH", with headers, and as body json, text, or hex; until: what the answer has to contain before the walk
           goes on (asked again and again till then); only: what of a long answer is kept
  write    appends lines to the file of this name
  read     waits until the file of this name has these lines
"""
import fnmatch
import http.client
import json
import pathlib
import re
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
HEADERS = ("content-type", "location", "allow")
PATIENCE = 15  # seconds for what is to come about by itself
FREE_TEXT = ("message", "trace", "documentation", "display_name")


def load(name):
    return json.loads((HERE / name).read_text())


def contains(answer, wanted):
    """Does the answer have at least these members? Lists are of the same length."""
    if isinstance(wanted, dict):
        return isinstance(answer, dict) and all(k in answer and contains(answer[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return (isinstance(answer, list) and len(answer) == len(wanted)
                and all(contains(a, w) for a, w in zip(answer, wanted)))
    return answer == wanted


def validation_errors(body):
    """Of what validate answers: the count, and the keys that have errors."""
    if not isinstance(body, dict) or "configs" not in body:
        return body
    return {"name": body["name"], "error_count": body["error_count"],
            "errors": {c["value"]["name"]: ["$TEXT" for _ in c["value"]["errors"]]
                       for c in body["configs"] if c["value"]["errors"]}}


def by_name(body):
    """Lists of keys and plugins become objects, so that a difference has a name and not a number; lists of names, which have
    no order, are sorted."""
    if isinstance(body, dict) and isinstance(body.get("configs"), list):
        return dict(body, configs={c["value"]["name"]: c for c in body["configs"]})
    if isinstance(body, list) and body and all(isinstance(e, dict) for e in body):
        for key in ("name", "class"):
            if all(key in e for e in body):
                return {e[key]: e for e in body}
    if isinstance(body, list) and all(isinstance(e, str) for e in body):
        return sorted(body)
    return body


class Normal:
    """Replaces what no two runs have in common."""

    def __init__(self, url, variables):
        self.words = [(url, "$URL"), (url.split("//")[1], "$WORKER")]
        self.words += [(value, "$" + name) for name, value in variables.items()]

    def text(self, text):
        for found, word in self.words:
            text = text.replace(found, word)
        return text

    def value(self, value, key=None):
        if isinstance(value, dict):
            return {self.text(k): self.value(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v, key) for v in value]
        if key in FREE_TEXT or key == "errors":
            return "$TEXT" if isinstance(value, str) and value else value
        if key == "version" and isinstance(value, str) and re.match(r"\d+\.\d+", value):
            return "$VERSION"
        if key == "commit" and isinstance(value, str) and re.fullmatch(r"[0-9a-f]{7,40}", value):
            return "$COMMIT"
        if key == "kafka_cluster_id" and isinstance(value, str) and value:
            return "$CLUSTER"
        if key == "last_modified" and isinstance(value, int) and value > 1_500_000_000_000:
            return "$TIME"
        return self.text(value) if isinstance(value, str) else value


class Walker:
    """Goes the walk on one server. `variables` are put into requests for $NAME, and taken out of answers."""

    def __init__(self, url, variables, directory):
        self.address = urllib.parse.urlsplit(url)
        self.variables = variables
        self.directory = pathlib.Path(directory)
        self.normal = Normal(url, variables)

    def fill(self, text):
        for name, value in self.variables.items():
            text = text.replace("$" + name, value)
        return text

    def body(self, step):
        if "json" in step:
            return self.fill(json.dumps(step["json"], ensure_ascii=False)).encode()
        if "hex" in step:
            return bytes.fromhex(step["hex"])
        return self.fill(step["text"]).encode() if "text" in step else None

    def ask(self, step):
        """One request on a connection of its own."""
        method, path = step["send"].split(" ", 1)
        body = self.body(step)
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=100)
        try:
            connection.putrequest(method, self.fill(path), skip_accept_encoding=True)
            headers = dict({"Content-Type": "application/json"} if body is not None else {}, **step.get("headers", {}))
            if body is not None or method in ("POST", "PUT", "PATCH"):
                headers["Content-Length"] = str(len(body or b""))
            for name, value in headers.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def answer(self, step):
        status, headers, payload = self.ask(step)
        answer = {"status": status}
        for name in HEADERS:
            if name in headers:
                answer[name] = self.normal.text(headers[name])
        if "allow" in answer:
            answer["allow"] = sorted(re.split(r"\s*,\s*", answer["allow"]))
        try:
            body = json.loads(payload) if payload else None
        except ValueError:
            answer["text"] = "$TEXT"
            return answer
        if step.get("only") == "errors":
            body = validation_errors(body)
        elif "only" in step:
            body = {k: body.get(k) for k in step["only"]}
        if payload:
            answer["body"] = by_name(self.normal.value(body))
        return answer

    def send(self, step):
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.answer(step)
            if "until" not in step or contains(answer, step["until"]) or time.monotonic() > deadline:
                return answer
            time.sleep(0.02)

    def read(self, step):
        path, deadline = self.directory / step["read"], time.monotonic() + PATIENCE
        while True:
            lines = path.read_text().splitlines() if path.exists() else []
            if lines == step["lines"] or time.monotonic() > deadline:
                return {"lines": lines}
            time.sleep(0.02)

    def step(self, step):
        if "send" in step:
            return self.send(step)
        if "read" in step:
            return self.read(step)
        path = self.directory / step["write"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            file.writelines(line + "\n" for line in step["lines"])
        return {}

    def walk(self, steps):
        return {step["name"]: self.step(step) for step in steps}


def compare(wanted, found, path=""):
    """Yields (path, wanted, found) for each difference; "-" is what is not there."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in list(wanted) + [k for k in found if k not in wanted]:
            yield from compare(wanted.get(key, "-"), found.get(key, "-"), f"{path}/{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (w, f) in enumerate(zip(wanted, found)):
            yield from compare(w, f, f"{path}/{number}")
    elif wanted != found or isinstance(wanted, bool) != isinstance(found, bool):
        yield path, wanted, found


class Differences:
    """The table of what may differ. An entry: steps and at (patterns of the shell, lists of them), kafka and outflow (the
    values there; left out: any), why."""

    def __init__(self, entries):
        self.entries = entries
        self.used = [0] * len(entries)

    @staticmethod
    def _matches(patterns, text):
        return any(fnmatch.fnmatchcase(text, p) for p in ([patterns] if isinstance(patterns, str) else patterns))

    def allows(self, step, path, wanted, found):
        for number, entry in enumerate(self.entries):
            if (self._matches(entry["steps"], step) and self._matches(entry["at"], path)
                    and ("kafka" not in entry or entry["kafka"] == wanted)
                    and ("outflow" not in entry or entry["outflow"] == found)):
                self.used[number] += 1
                return True
        return False

    def unused(self):
        return [entry for entry, used in zip(self.entries, self.used) if not used]


def judge(golden, answers, entries):
    """What is wrong with the answers, as lines to read; none when all is as recorded or as the table says."""
    table, problems = Differences(entries), []
    for name, wanted in golden.items():
        for path, w, f in compare(wanted, answers[name]):
            if not table.allows(name, path, w, f):
                problems.append(f"{name}: {path}: Kafka Connect {json.dumps(w)}, Outflow {json.dumps(f)}")
    problems += [f"differences.json: nothing differs any more at {e['steps']} {e['at']}" for e in table.unused()]
    return problems


def save(name, answers):
    """One answer a line; one that is as long as it is known from an earlier step is the name of that step."""
    known, lines = {}, []
    for step, answer in answers.items():
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{json.dumps(step, ensure_ascii=False)}: {known.get(text, text)}")
        if len(text) > 400:
            known.setdefault(text, json.dumps(step, ensure_ascii=False))
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def load_golden():
    golden = load("golden.json")
    return {step: golden[answer] if isinstance(answer, str) else answer for step, answer in golden.items()}
