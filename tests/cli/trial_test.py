#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that try a pattern, a transform or a pipeline on a message: verdicts, exit codes, hostile input."""
import json
import os
import resource
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("OUTFLOW_BUILD", os.getcwd())
OUTFLOW = os.path.join(BUILD, "outflow")
os.environ.setdefault("OUTFLOW_PLUGIN_PATH", os.path.join(BUILD, "plugins"))
HOT = '{"data":{"body":{"temp":[{"numeric":[">",50]}]}}}'


def run(*arguments, given=b"", **options):
    """The finished process, with bytes as its output."""
    if isinstance(given, str):
        given = given.encode()
    return subprocess.run([OUTFLOW, *arguments], input=given, capture_output=True, timeout=120, **options)


class Trial(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def file(self, name, content):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def answers(self, code, *arguments, says=None, **options):
        """Runs the program: the exit code must be this, standard error or output must hold the text."""
        done = run(*arguments, **options)
        shown = f"outflow {' '.join(a[:200] for a in arguments)}\n{done.stdout[:2000]!r}\n{done.stderr[:2000]!r}"
        self.assertEqual(done.returncode, code, shown)
        if says is not None:
            self.assertTrue(says in (done.stdout + done.stderr).decode(errors="replace"), f"'{says}' is not in {shown}")
        return done.stdout.decode(errors="replace")

    def asks(self, code, *arguments, **options):
        """The same with --json: the answer's data; an envelope it must be."""
        answer = json.loads(self.answers(code, *arguments, "--json", **options))
        self.assertEqual(set(answer), {"ok", "data", "errors"})
        self.assertEqual(answer["ok"], not answer["errors"])
        return answer["data"]


class Pattern(Trial):
    def test_verdicts(self):
        self.assertEqual(self.answers(0, "pattern", "test", HOT, '{"data":{"body":{"temp":61}}}'), "match\n")
        self.assertEqual(self.answers(1, "pattern", "test", HOT, '{"data":{"body":{"temp":21}}}'), "no match\n")
        self.assertEqual(self.answers(0, "pattern", "test", "--payload", HOT, '{"temp":61}'), "match\n")
        self.assertEqual(self.answers(1, "pattern", "test", "--payload", HOT, '{"temp":21}'), "no match\n")
        topic = '{"data":{"props":{"topic":["plant/p1"]},"key":["k"]}}'
        self.answers(0, "pattern", "test", "--payload", topic, "{}", "--topic", "plant/p1", "--key", "k")
        self.answers(1, "pattern", "test", "--payload", topic, "{}", "--topic", "plant/p2", "--key", "k")
        body = '{"data":{"body":["on"]}}'
        self.answers(0, "pattern", "test", "--payload", "--format", "text", body, "on")
        self.answers(1, "pattern", "test", "--payload", body, '"off"')
        user = '{"data":{"props":{"userProperties":{"key":["site"],"value":["north"]}}}}'
        self.answers(0, "pattern", "test", "--payload", user, "{}", "--header", "site=north")
        time = '{"time":[{"prefix":"2026-01-31T12:00:00"}]}'
        self.answers(0, "pattern", "test", "--payload", time, "{}", "--timestamp", "2026-01-31T12:00:00Z")
        self.answers(0, "pattern", "test", "--payload", time, "{}", "--timestamp", "1769860800000")

    def test_texts_come_from_files_and_standard_input(self):
        pattern = "@" + self.file("pattern", HOT + "\n")
        event = "@" + self.file("event", '{"temp":61}\n')
        self.answers(0, "pattern", "test", "--payload", pattern, event)
        self.answers(0, "pattern", "test", "--payload", pattern, "-", given='{"temp":61}')
        self.answers(0, "pattern", "test", "--payload", "-", event, given=HOT)
        self.answers(2, "pattern", "test", "-", "-", says="only one of them")
        self.answers(2, "pattern", "test", "@/nowhere", "{}", says="/nowhere cannot be read: No such file")
        self.answers(2, "pattern", "test", HOT, "@" + self.directory, says="cannot be read: Is a directory")

    def test_what_is_refused(self):
        self.answers(2, "pattern", "test", '{"a":1}', "{}", says="pattern.value at /a (line 1, column 6)")
        self.answers(2, "pattern", "test", HOT, "{", says="event: not JSON")
        self.answers(2, "pattern", "test", "--payload", HOT, "{", says="payload: not JSON")
        self.answers(2, "pattern", "test", "[1]", "{}")
        self.answers(2, "pattern", "test", "--dialect", "awz", HOT, "{}", says="dialect: 'awz' is not one of union")
        self.answers(2, "pattern", "tset", says="expected test or explain")
        self.answers(2, "pattern", "test", HOT, says="expected a pattern and an event")
        self.answers(2, "pattern", "test", "--linse", says="did you mean '--lines'?")
        self.answers(2, "pattern", "test", "--lines", "--batch", HOT, says="either --lines or --batch")
        self.answers(2, "pattern", "explain", "--batch", says="are for test")
        self.answers(2, "pattern", "test", "--header", "x", HOT, "{}", says="--header takes NAME=TEXT")
        self.answers(2, "pattern", "test", "--timestamp", "soon", HOT, "{}", says="--timestamp takes")
        self.answers(2, "pattern", "test", "--format", "xml", HOT, "{}", says="json, text or binary")
        self.answers(2, "pattern", "test", "--format", "text", HOT, "{}", says="is for --payload")
        self.answers(3, "pattern", "test", "--plugin-path", "/nowhere", HOT, "{}", says="no transform 'event/filter'")
        self.assertIsNone(self.asks(2, "pattern", "test", '{"a":1}', "{}"))
        self.assertIsNone(self.asks(3, "pattern", "test", "--plugin-path", "/nowhere", HOT, "{}"))

    def test_explanations(self):
        out = self.answers(1, "pattern", "explain", "--payload", HOT, '{"temp":21}')
        self.assertRegex(out, r"(?m)^ *\$\.data\.body\.temp +.*numeric.* 21 +does not fit$")
        self.assertIn("reason: $.data.body.temp: 21 does not fit", out)
        self.assertRegex(self.answers(0, "pattern", "explain", "--payload", HOT, '{"temp":61}'), r"61 +fits\n")
        data = self.asks(1, "pattern", "explain", "--payload", HOT, '{"temp":21.0000000000000000001}')
        self.assertFalse(data["matched"])
        self.assertEqual(data["fields"][0]["path"], "$.data.body.temp")
        self.assertIn("21.0000000000000000001", data["reason"])
        self.assertEqual(self.asks(0, "pattern", "test", "--payload", HOT, '{"temp":61}'), {"matched": True})

    def test_nothing_of_a_message_steers_the_terminal(self):
        pattern = '{"data":{"body":{"t":["on"]}}}'
        for body in (b'{"t":"\\u001b[31m"}', '{"t":"\x9b31m"}'.encode(), '{"t":"\x7f"}'.encode()):
            done = run("pattern", "explain", "--payload", pattern, "-", given=body)
            self.assertEqual(done.returncode, 1)
            self.assertFalse({0x1b, 0x9b, 0x7f} & set(done.stdout), done.stdout)

    def test_lines(self):
        lines = '{"temp":61}\n{"temp":21}\n{\n'
        self.assertEqual(self.answers(2, "pattern", "test", "--lines", "--payload", HOT, given=lines).split("\n")[:2],
                         ["match", "no match"])
        file = self.file("lines", '{"temp":61}\n{"temp":62}')
        self.assertEqual(self.answers(0, "pattern", "test", "--lines", "--payload", HOT, "@" + file), "match\nmatch\n")
        self.answers(1, "pattern", "test", "--lines", "--payload", HOT, given='{"temp":61}\n{"temp":1}')
        self.assertEqual(self.answers(0, "pattern", "test", "--lines", HOT, given=""), "")

    def batch(self, code, *requests):
        given = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in requests)
        return [json.loads(a) for a in self.answers(code, "pattern", "test", "--batch", given=given).splitlines()]

    def test_batch(self):
        answers = self.batch(0, {"name": "a", "pattern": HOT, "payload": '{"temp":61}'},
                             {"name": "b", "pattern": HOT, "event": '{"data":{"body":{"temp":1}}}'},
                             {"name": "c", "pattern": '{"a":1}', "event": "{}"},
                             {"pattern": HOT, "event": "{"},
                             {"pattern": HOT, "evnt": "{}"}, {"pattern": HOT}, {"event": "{}"},
                             {"pattern": {}, "event": "{}"}, {"pattern": HOT + "\0x", "event": "{}"},
                             {"pattern": HOT, "payload": '{"temp":61}\0'})
        self.assertEqual([a["result"] for a in answers], ["match", "no-match"] + 8 * ["error"])
        self.assertEqual([a.get("name") for a in answers[:4]], ["a", "b", "c", None])
        for answer, reason in zip(answers[1:], ("1 does not fit", "pattern.value at /a", "event: not JSON",
                                                "did you mean 'event'?", "either 'event' or 'payload'",
                                                "no 'pattern'", "'pattern' is not a text", "holds a NUL byte",
                                                "payload: not JSON")):
            self.assertIn(reason, answer["reason"])
        answers = self.batch(2, "x", "[1]", "", {"pattern": HOT, "payload": '{"temp":61}'})
        self.assertEqual([a["result"] for a in answers], 3 * ["error"] + ["match"])
        self.assertIn("line 2 is not a JSON object", answers[1]["reason"])

    def test_batch_answers_each_line_before_the_next(self):
        with subprocess.Popen([OUTFLOW, "pattern", "test", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, bufsize=1) as process:
            for temp, expected in ((61, "match"), (1, "no-match")):
                process.stdin.write(json.dumps({"pattern": HOT, "payload": json.dumps({"temp": temp})}) + "\n")
                self.assertEqual(json.loads(process.stdout.readline())["result"], expected)
            process.stdin.close()
            self.assertEqual(process.wait(timeout=60), 0)

    def test_batch_of_many_lines_in_constant_memory(self):
        def peak(n):
            line = json.dumps({"pattern": HOT, "payload": json.dumps({"temp": 61, "text": 200 * "x"})}) + "\n"
            code = ("import resource, subprocess, sys\n"
                    "done = subprocess.run(sys.argv[1:], stdin=sys.stdin, stdout=subprocess.PIPE)\n"
                    "assert done.returncode == 0\n"
                    "print(done.stdout.count(b'match'), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n")
            # What a sanitizer keeps back of freed memory is not the program's.
            sanitized = f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=1"
            done = subprocess.run(["/usr/bin/python3", "-c", code, OUTFLOW, "pattern", "test", "--batch"],
                                  env={**os.environ, "ASAN_OPTIONS": sanitized}, input=n * line, capture_output=True, text=True, timeout=300, check=True)
            answers, kilobytes = map(int, done.stdout.split())
            self.assertEqual(answers, n)
            return kilobytes
        self.assertLess(peak(100000), 1.5 * peak(2000) + 2048)


class Transform(Trial):
    RENAME = ("transform", "test", "rename", "fields=temp:celsius")

    def test_outcomes(self):
        out = self.answers(0, *self.RENAME, "--payload", '{"temp":61}')
        self.assertEqual(out, 'output\n  value      {"celsius":61}\n')
        self.answers(1, *self.RENAME, "--payload", "{", says="rejected: convert: not JSON")
        deliver = ("transform", "test", "event/deliver", "key=$.data.body.dev", "headers.a=b")
        out = self.answers(0, *deliver, "topic=t", "--payload", '{"dev":"p1"}', "--topic", "x/y", "--header", "c=d")
        self.assertEqual(out, 'output\n  topic      t\n  key        p1\n'
                              '  header     a = b\n')
        self.answers(1, *deliver, "key.missing=drop", "--payload", "{}", says="filtered")
        self.answers(1, *deliver, "key.missing=fail", "--payload", "{}", says="rejected: transforms.t1: key: ")
        data = self.asks(0, *deliver, "--payload", '{"dev":"p1"}', "--topic", "x/y")
        self.assertEqual(data["result"], "output")
        self.assertEqual(data["outputs"][0]["key"], "p1")
        self.assertEqual(data["outputs"][0]["topic"], "x/y")
        self.assertEqual(data["outputs"][0]["changed"], ["key", "headers"])
        self.assertEqual(self.asks(1, *deliver, "key.missing=fail", "--payload", "{}")["failures"][0]["stage"],
                         "transforms.t1")
        self.answers(0, "transform", "test", "event/filter", f"pattern={HOT}", "--event",
                     '{"data":{"body":{"temp":61}}}')
        self.answers(1, "transform", "test", "event/filter", f"pattern={HOT}", "--payload", '{"temp":21}')

    @unittest.skipUnless(os.path.exists(os.path.join(BUILD, "plugins", "function.so")), "built without libcurl")
    def test_what_would_be_tried_again(self):
        function = ("function", "url=http://127.0.0.1:1/")
        self.answers(1, "transform", "test", *function, "--payload", "{}", says="would be tried again: transforms.t1: ")
        data = self.asks(1, "transform", "test", *function, "--payload", "{}")
        self.assertEqual((data["result"], data["failures"][0]["stage"]), ("postponed", "transforms.t1"))
        conf = self.file("f.conf", """
pipelines = ( { name = "a"; source = { class = "gen"; }; transforms = ( { name = "f"; class = "function";
  url = "http://127.0.0.1:1/"; } ); sink = { class = "null"; }; errors = { tolerance = "all"; }; } );""")
        self.answers(1, "try", "a", conf, "--payload", "{}", says="would be tried again: transforms.f: ")

    def test_keys_from_a_file(self):
        keys = self.file("keys", 'class = "rename";\nfields = [ "temp:celsius" ];\n')
        self.answers(0, "transform", "test", "--config", keys, "--payload", '{"temp":61}', says="celsius")
        self.answers(0, "transform", "test", "--config", "-", "--payload", '{"temp":61}', says="celsius",
                     given='class = "rename"; fields = [ "temp:celsius" ];')
        several = self.file("several", 'transforms = ( { class = "rename"; fields = "a:b"; },\n'
                                       '{ class = "drop"; fields = "c"; predicate = "p"; } );\n'
                                       'predicates = ( { name = "p"; class = "matches"; pattern = "%s"; } );\n'
                                       % HOT.replace('"', r'\"'))
        self.answers(0, "transform", "test", "--config", several, "--payload", '{"a":1,"c":2}', says='{"b":1,"c":2}')
        self.answers(0, "transform", "test", "--config", several, "--payload", '{"c":2,"temp":61}', says='{"temp":61}')
        bad = self.file("bad", 'class = "rename";\nfeilds = [ "temp:celsius" ];\n')
        self.answers(2, "transform", "test", "--config", bad, "--payload", "{}",
                     says="bad:2: feilds: unknown key; did you mean 'fields'?")
        self.answers(2, "transform", "test", "--config", self.file("cut", "class = {\n"), "--payload", "{}",
                     says="cut:2: syntax error")
        self.answers(2, "transform", "test", "--config", self.file("nul", b'class = "x\0";'), "--payload", "{}",
                     says="NUL byte")
        self.answers(2, "transform", "test", "--config", self.file("whole", 'pipelines = ( { name = "a"; } );'),
                     "--payload", "{}", says="outflow try takes whole pipelines")
        self.answers(2, "transform", "test", "--config", "/nowhere", "--payload", "{}", says="cannot be read")

    def test_what_is_refused(self):
        self.answers(2, "transform", "test", "renam", "--payload", "{}", says="did you mean 'rename'?")
        self.answers(2, "transform", "test", "rename", "feilds=a:b", "--payload", "{}",
                     says="feilds: unknown key; did you mean 'fields'?")
        self.answers(2, "transform", "test", "rename", "fields", "--payload", "{}", says="KEY=VALUE")
        self.answers(2, *self.RENAME, says="on which message?")
        self.answers(2, *self.RENAME, "--payload", "{}", "--event", "{}", says="one --payload or --event")
        self.answers(2, "transform", "rename", says="expected test")
        self.answers(2, "transform", "test", "--payload", "{}", says="expected the class")
        self.answers(2, *self.RENAME, "--paylod", "{}", says="did you mean '--payload'?")
        self.answers(3, *self.RENAME, "--payload", "{}", "--plugin-path", "/nowhere", says="no transform")
        self.assertIsNone(self.asks(2, "transform", "test", "renam", "--payload", "{}"))

    def test_batch(self):
        requests = ({"name": "a", "config": 'class = "rename"; fields = "a:b";', "payload": '{"a":1}',
                     "headers": {"h": "v"}, "topic": "t", "key": "k"},
                    {"config": 'class = "rename"; fields = "a:b";', "payload": "x"},
                    {"config": 'class = "rename";', "payload": "{}"},
                    {"config": 'class = "rename"; fields = "a:b";', "payload": "text", "format": "binary"},
                    {"config": "class = {", "payload": "{}"}, {"payload": "{}"},
                    {"config": "", "payload": "{}", "format": "xml"}, {"config": "", "payload": "{}", "headers": []})
        given = "".join(json.dumps(request) + "\n" for request in requests)
        answers = [json.loads(line) for line in
                   self.answers(0, "transform", "test", "--batch", given=given).splitlines()]
        self.assertEqual(answers[0]["name"], "a")
        self.assertEqual(answers[0]["outputs"][0]["value"], '{"b":1}')
        self.assertEqual(answers[0]["outputs"][0]["headers"], [["h", "v"]])
        self.assertEqual([a["result"] for a in answers], ["output", "rejected", "error", "rejected"] + 4 * ["error"])
        for answer, reason in zip(answers[4:], ("syntax error", "no 'config'", "json, text or binary", "no object")):
            self.assertIn(reason.replace("no object", "not an object"), answer["reason"])


PLANT = """
pipelines = ( {
  name = "plant";
  source = { class = "mqtt"; broker = "tcp://127.0.0.1:1"; topics = [ %(topics)s ]; format = "json"; };
  filter = { pattern = "{ \\"data\\": { \\"body\\": { \\"temp\\": [ { \\"numeric\\": [ \\">\\", 50 ] } ] } } }"; };
  transforms = ( { name = "c"; class = "rename"; fields = [ "temp:celsius" ]; } );
  sink = { class = "kafka"; bootstrap = "127.0.0.1:1"; key = { value = "$.data.body.dev"; missing = "fail"; };
           %(topic)s headers = { parent = "$.data.props.parentTopic"; qos = "$.data.props.qos"; }; };
  errors = { tolerance = "%(tolerance)s"; };
  %(deadletter)s
} );
"""
DEADLETTER = 'deadletter = { class = "kafka"; bootstrap = "127.0.0.1:1"; topic = "dead"; };'


@unittest.skipUnless(os.path.exists(os.path.join(BUILD, "plugins", "mqtt.so")) and
                     os.path.exists(os.path.join(BUILD, "plugins", "kafka.so")), "built without the client libraries")
class Try(Trial):
    def pipeline(self, topics='"plant/p1/t"', topic='topic = "plant";', tolerance="all", deadletter=DEADLETTER):
        return self.file("plant.conf", PLANT % {"topics": topics, "topic": topic, "tolerance": tolerance,
                                               "deadletter": deadletter})

    def test_the_way_of_a_message(self):
        conf = self.pipeline()
        body = ("--payload", '{"temp":61,"dev":"p1"}', "--timestamp", "2026-01-31T12:00:00Z", "--header", "site=north")
        out = self.answers(0, "try", "plant", *body, conf)
        self.assertEqual(out, """source (mqtt/source)
  topic      plant/p1/t
  key        plant/p1/t
  value      {"temp":61,"dev":"p1"}
  header     outflow.mqtt.qos = 1
  header     outflow.mqtt.packet.id = 1
  header     site = north
  timestamp  2026-01-31T12:00:00.000Z
convert (event/json): passes
filter (event/filter): passes
transforms.c (fields/rename)
  value      {"celsius":61,"dev":"p1"}
deliver (event/deliver)
  topic      plant
  key        p1
  header     parent = plant
  header     qos = 1
  no header  outflow.mqtt.qos = 1
  no header  outflow.mqtt.packet.id = 1
sink (kafka/sink) would get
  topic      plant
  key        p1
  value      {"celsius":61,"dev":"p1"}
  header     site = north
  header     parent = plant
  header     qos = 1
  timestamp  2026-01-31T12:00:00.000Z
  partition  chosen by the sink
""")
        data = self.asks(0, "try", "plant", *body, conf)
        self.assertEqual([s["stage"] for s in data["stages"]], ["convert", "filter", "transforms.c", "deliver"])
        self.assertEqual(data["stages"][2]["inputs"][0]["value"], '{"temp":61,"dev":"p1"}')
        self.assertEqual(data["stages"][2]["outputs"][0]["value"], '{"celsius":61,"dev":"p1"}')
        self.assertEqual(data["outputs"][0]["topic"], "plant")
        self.assertEqual(data["source"]["timestamp"], 1769860800000)
        event = self.asks(1, "try", "plant", conf, "--event", '{"data":{"body":{"temp":61}}}')
        self.assertIn(["outflow.mqtt.content.type", "application/cloudevents+json"], event["source"]["headers"])
        self.answers(0, "try", "plant", conf, "--payload", '{"temp":61,"dev":"p1"}', "--header", "outflow.mqtt.qos=2",
                     says="qos = 2")

    def test_what_does_not_reach_the_sink(self):
        conf = self.pipeline()
        out = self.answers(1, "try", "plant", "--payload", '{"temp":21}', conf, says="would get nothing: filtered")
        self.assertIn("reason: $.data.body.temp: 21 does not fit", out)
        out = self.answers(1, "try", "plant", "--payload", '{"temp":61}', conf, says="rejected: deliver: key: ")
        self.assertRegex(out, r"deadletter \(kafka/sink\) would get\n  topic      dead\n")
        self.assertIn("outflow.errors.stage = deliver", out)
        data = self.asks(1, "try", "plant", "--payload", "{", conf)
        self.assertEqual(data["result"], "rejected")
        self.assertEqual(data["failures"][0]["stage"], "convert")
        self.assertEqual(data["failures"][0]["dead_letter"]["topic"], "dead")
        conf = self.pipeline(deadletter="")
        self.answers(1, "try", "plant", "--payload", "{", conf, says="it would be dropped: errors.tolerance = all")
        conf = self.pipeline(tolerance="none")
        self.answers(1, "try", "plant", "--payload", "{", conf, says="the pipeline would stop: errors.tolerance = none")
        self.assertTrue(self.asks(1, "try", "plant", "--payload", '{"temp":61}', conf)["stopped"])
        conf = self.pipeline(topic="")
        out = self.answers(1, "try", "plant", "--payload", '{"temp":61,"dev":"p1"}', conf,
                           says="rejected: sink: 'plant/p1/t' is not the name of a topic")
        self.assertIn("outflow.errors.stage = sink", out)

    def test_predicates_and_several_patterns(self):
        body = r'{ \"data\": { \"body\": { \"t\": [ { \"numeric\": [ \">\", %d ] } ] } } }'
        conf = self.file("several.conf", """
pipelines = ( { name = "a"; source = { class = "gen"; topic = "g"; format = "json"; };
  predicates = ( { name = "hot"; class = "matches"; pattern = "%s"; } );
  filter = { patterns = { warm = "%s"; odd = "{ \\"data\\": { \\"body\\": { \\"t\\": [ 1 ] } } }"; }; };
  transforms = ( { name = "d"; class = "drop"; fields = "x"; predicate = "hot"; negate = true; },
                 { name = "r"; class = "rename"; fields = "t:temp"; predicate = "hot"; } );
  sink = { class = "null"; }; } );
""" % (body % 50, body % 20))
        out = self.answers(0, "try", "a", conf, "--payload", '{"t":61,"x":1}', says="outflow.matched = warm")
        self.assertIn('transforms.r (fields/rename)\n  value      {"temp":61,"x":1}\n', out)
        self.assertIn("transforms.d (fields/drop): skipped by predicates.hot\n", out)
        out = self.answers(0, "try", "a", conf, "--payload", '{"t":21,"x":1}')
        self.assertIn("transforms.r (fields/rename): skipped by predicates.hot\n", out)
        self.assertIn("reason: $.data.body.t: 21 does not fit", out)
        self.assertIn('transforms.d (fields/drop)\n  value      {"t":21}\n', out)
        out = self.answers(1, "try", "a", conf, "--payload", '{"t":2}', says="filter (event/filter): filtered\n")
        self.assertRegex(out, r"  odd: does not fit\n(.*\n)*    reason: .*(.*\n)*  warm: does not fit\n")
        data = self.asks(0, "try", "a", conf, "--payload", '{"t":21}')
        stages = {stage["stage"]: stage for stage in data["stages"]}
        self.assertEqual(stages["transforms.r"]["predicate"], "predicates.hot")
        self.assertFalse(stages["transforms.r"]["inputs"][0]["chosen"])
        self.assertTrue(stages["transforms.d"]["inputs"][0]["chosen"])
        data = self.asks(1, "try", "a", conf, "--payload", '{"t":2}')
        self.assertEqual(data["stages"][1]["explanations"][0]["patterns"][0]["matched"], False)

    def test_topics(self):
        conf = self.pipeline(topics='"plant/+/t", "$share/g/x"')
        payload = ("--payload", '{"temp":61,"dev":"p1"}')
        self.answers(2, "try", "plant", conf, *payload, says="such as plant/+/t: give --topic TOPIC")
        self.answers(0, "try", "plant", conf, *payload, "--topic", "plant/7/t", says="key        plant/7/t")
        conf = self.pipeline(topics='"plant/+/t", "plant/fixed"')
        self.answers(0, "try", "plant", conf, *payload, says="topic      plant/fixed")

    def test_what_is_refused(self):
        conf = self.pipeline()
        self.answers(2, "try", says="which pipeline?")
        self.answers(2, "try", "plant", conf, says="on which message?")
        self.answers(2, "try", "plnt", "--payload", "{}", conf, says="did you mean 'plant'?")
        self.assertIsNone(self.asks(2, "try", "plnt", "--payload", "{}", conf))
        self.answers(2, "try", "plant", "--payload", "@/nowhere", conf, says="/nowhere cannot be read")
        self.answers(2, "try", "plant", "--paylod", "{}", conf, says="did you mean '--payload'?")
        bad = self.file("bad.conf", 'pipelines = ( { name = "plant"; sorce = 1; } );')
        self.answers(2, "try", "plant", "--payload", "{}", bad, says="sorce: unknown key")
        self.assertIsNone(self.asks(2, "try", "plant", "--payload", "{}", bad))
        self.assertEqual(sorted(os.listdir(self.directory)), ["bad.conf", "plant.conf"])


GEN = """
pipelines = ( { name = "a"; source = { class = "gen"; topic = "g"; format = "json"; };
  filter = { pattern = "{\\"data\\":{\\"body\\":{\\"t\\":[1]}}}"; };
  sink = { class = "null"; key = { value = "$.data.body.k"; missing = "fail"; }; headers = { h = "v"; }; };
  errors = { tolerance = "all"; }; } );
"""


class TestFiles(Trial):
    def declare(self, *cases, before=GEN):
        return self.file("a.test", before + "tests = ( { " + " }, { ".join(cases) + " } );\n")

    def test_what_is_as_expected(self):
        self.file("body.json", '{"t":1,"k":"x"}')
        path = self.declare(
            r'name = "all"; payload = "{\"t\":1, \"k\":\"x\", \"n\":[1, 2.50]}"; timestamp = "2026-01-31T12:00:00Z";'
            r' expect = ( { topic = "g"; key = "x"; json = "{\"n\":[1.0,2.5],\"k\":\"\\u0078\",\"t\":1}"; partition = -1;'
            r' timestamp = "1769860800000"; headers = { h = "v"; }; null = [ "other" ]; } );',
            r'name = "file"; payload = "@body.json"; expect = ( { value = "@body.json"; } );',
            r'name = "filtered"; payload = "{\"t\":2}"; expect = "filtered";',
            r'name = "rejected"; payload = "{\"t\":1}"; expect = { rejected = "$.data.body.k"; stage = "deliver"; };',
            r'name = "event"; event = "{\"data\":{\"body\":{\"t\":1,\"k\":\"x\"}}}"; expect = ( { key = "x"; } );',
            r'name = "several"; inputs = ( { payload = "@body.json"; }, { payload = "{}"; }, { payload = "{"; },'
            r' { payload = "@body.json"; key = "q"; headers = { properties = [ "a.b=c" ]; }; } );'
            r' expect = ( { key = "x"; }, { rejected = "not JSON"; }, { headers = { properties = [ "a.b=c" ]; }; } );')
        out = self.answers(0, "test", path)
        self.assertEqual(out.count("ok    "), 6, out)
        self.assertTrue(out.endswith("6 tests, 0 failed\n"), out)
        data = self.asks(0, "test", path)
        self.assertEqual((data["passed"], data["failed"]), (6, 0))

    def finds(self, case, *findings):
        """One case that fails, and what is said about it."""
        out = self.answers(1, "test", self.declare('name = "x"; ' + case))
        self.assertIn("1 test, 1 failed", out)
        for finding in findings:
            self.assertIn(f"a.test:6: {finding}", out)
        self.assertEqual(out.count("a.test:6: "), len(findings), out)

    def test_what_is_not(self):
        good = r'payload = "{\"t\":1,\"k\":\"x\"}"; '
        self.finds(good + 'expect = "filtered";', 'one more record came out, with the value {"t":1,"k":"x"}')
        self.finds(good + 'expect = { rejected = "x"; };',
                   "one more record came out", "0 of 1 were rejected")
        self.finds(good + 'expect = ( { topic = "h"; key = "y"; value = "1"; headers = { h = "w"; i = "j"; };'
                          ' partition = 3; null = [ "key", "value", "h" ]; timestamp = "1"; } );',
                   "record 1: topic is 'g', not 'h'", "record 1: key is 'x', not 'y'", "record 1: value is ",
                   "record 1: header h is 'v', not 'w'", "record 1: has no header i", "record 1: key is 'x', not null",
                   "record 1: value is '{\"t\":1,\"k\":\"x\"}', not null", "record 1: has a header h",
                   "record 1: partition is -1, not 3", "record 1: timestamp is ")
        for other in (r'{\"t\":1}', r'{\"t\":1,\"k\":\"x\",\"l\":1}', r'{\"t\":2,\"k\":\"x\"}', r'{\"t\":1,\"k\":\"y\"}',
                      r'{\"t\":1,\"k\":null}', "[]", r'{\"t\":[1],\"k\":\"x\"}'):
            self.finds(good + f'expect = ( {{ json = "{other}"; }} );', "record 1: value is ")
        self.finds(r'payload = "{\"t\":1,\"k\":\"x\",\"n\":9007199254740993}"; '
                   r'expect = ( { json = "{\"t\":1,\"k\":\"x\",\"n\":9007199254740992}"; } );', "record 1: value is ")
        self.finds(good + 'expect = ( { json = "{"; } );', "json: what is expected is not JSON")
        self.finds(good + 'expect = ( { key = "x"; }, { key = "x"; } );', "1 of 2 records came out")
        self.finds(r'payload = "{\"t\":2}"; expect = ( { key = "x"; } );',
                   "0 of 1 records came out; filtered by filter: $.data.body.t: 2 does not fit [1]")
        self.finds('payload = "{"; expect = "filtered";', "convert: rejected: not JSON")
        self.finds('payload = "{"; expect = { rejected = "cold"; stage = "filter"; };',
                   "rejected, but not for 'cold': not JSON", "rejected by convert, not by filter")
        self.finds('payload = "@nowhere"; expect = "filtered";', f"{self.directory}/nowhere cannot be read")
        data = self.asks(1, "test", self.declare('name = "x"; payload = "{"; expect = "filtered";'))
        self.assertEqual([(t["name"], t["ok"], t["line"]) for t in data["tests"]], [("x", False, 6)])

    def test_bad_files(self):
        def refuses(says, *cases, **options):
            self.answers(2, "test", self.declare(*cases, **options), says=says)
        refuses("a.test:6: tests.x.expect: is required", 'name = "x"; payload = "x";')
        refuses('tests.x.expect: is "filtered", a list', 'name = "x"; payload = "x"; expect = "filterd";')
        refuses("tests.x.expect: nothing of the record", 'name = "x"; payload = "x"; expect = ( { stage = "y"; } );')
        refuses("either value or json", 'name = "x"; payload = "x"; expect = ( { value = "1"; json = "1"; } );')
        refuses("either a record or a rejection", 'name = "x"; payload = "x"; expect = ( { value = "1"; rejected = "1"; } );')
        refuses("a payload or an event", 'name = "x"; payload = "x"; event = "{}"; expect = "filtered";')
        refuses("a payload or an event", 'name = "x"; expect = "filtered";')
        refuses("a payload or an event", 'name = "x"; inputs = ( { topic = "x"; } ); expect = "filtered";')
        refuses("did you mean 'tests.x.payload'?", 'name = "x"; paylod = "x"; expect = "filtered";')
        refuses("did you mean 'tests.x.expect.t1.topic'?", 'name = "x"; payload = "x"; expect = ( { topc = "x"; } );')
        refuses("there is no pipeline 'b'", 'name = "x"; pipeline = "b"; payload = "x"; expect = "filtered";')
        refuses("has this name", 'name = "x"; payload = "x"; expect = "filtered";', 'name = "x"; payload = "y";')
        refuses("missing.conf: cannot be read", 'name = "x"; payload = "x"; expect = "filtered";',
                before='config = "missing.conf";')
        refuses("unknown key; did you mean 'config'?", 'name = "x"; payload = "x"; expect = "filtered";',
                before=GEN + 'confg = "x";')
        refuses("sorce: unknown key", 'name = "x"; payload = "x"; expect = "filtered";',
                before='pipelines = ( { name = "a"; sorce = 1; } );')
        self.answers(2, "test", self.file("b.test", GEN), says="tests: is required")
        self.answers(2, "test", self.file("b.test", "tests = ("), says="b.test:1: syntax error")
        self.answers(2, "test", self.file("b.test", b"tests = \0"), says="NUL byte")
        self.answers(2, "test", "/nowhere", says="/nowhere: cannot be read")
        self.answers(2, "test", self.directory, says="this is a directory")
        self.answers(2, "test", says="which files?")
        self.answers(2, "test", "--jsn", says="did you mean '--json'?")
        self.assertEqual(self.asks(2, "test", "/nowhere")["tests"], [])

    def test_configuration_from_elsewhere(self):
        self.file("a.conf", GEN)
        case = 'name = "x"; payload = "{}"; expect = "filtered";'
        self.answers(0, "test", self.declare(case, before='config = [ "a.conf" ];'))
        self.answers(0, "test", self.declare(case, before=""), "--config", os.path.join(self.directory, "a.conf"))
        self.answers(0, "test", self.declare(case, before=""), "--config-dir", self.directory)


@unittest.skipUnless(all(os.path.exists(os.path.join(BUILD, "plugins", name)) for name in ("mqtt.so", "kafka.so")),
                     "built without the client libraries")
class PluginsD(Trial):
    """What is in plugins.d does what its tests say, and each pipeline there has some."""

    TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

    def test_each_configuration(self):
        names = sorted(name for name in os.listdir(os.path.join(self.TOP, "plugins.d")) if name.endswith(".conf"))
        self.assertIn("plant.conf", names)
        tests = [f"plugins.d/{name[:-len('conf')]}test" for name in names]
        self.answers(0, "test", *tests, cwd=self.TOP, says=" 0 failed")


class Examples(Trial):
    """The runner of the documentation's examples sees what differs, and where."""

    RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "doc", "examples")

    def run_page(self, text):
        done = subprocess.run([self.RUNNER, self.file("page.md", text)], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    def test_differences(self):
        pattern = "```\npattern: {\"a\":[1]}\nevent: {\"a\":1}\n%s\n```\n"
        transform = ('```\ntransform: class = "rename"; fields = "a:b";\npayload: {"a":1}\noutput: {"b":1}\n%s\n```\n')
        command = "```\n$ outflow pattern test '{}' '{}'\n%s\n```\n"
        for page in (pattern % "match", transform % "", command % "match"):
            self.assertEqual(self.run_page(page)[0], 0, page)
        for page, line in ((pattern % "no match", 4), (pattern % "refused: x", 4), (pattern % "mtch", 4),
                           (transform % "output: {}", 4), (transform % "output key: k", 5),
                           (transform % "output header h: v", 5), (transform % "payload: {\nfiltered", 6),
                           (transform % "payload: {\nrejected: something else", 6), (command % "no match", 2),
                           (command % "match\nmatch", 2), (command % "", 2), ("nothing\n", None)):
            code, out = self.run_page(page)
            self.assertEqual(code, 1, page)
            if line:
                self.assertIn(f"page.md:{line}: ", out, page)


class Hostile(Trial):
    """Each ends with a verdict and a sentence; none ends the program otherwise."""

    def test_bytes_that_are_no_text(self):
        self.answers(2, "pattern", "test", HOT, "-", given=b'{"a":"\xff"}', says="event: not JSON")
        self.answers(2, "pattern", "test", HOT, "-", given=b'{"a":1}\0', says="event: not JSON")
        self.answers(2, "pattern", "test", "-", "{}", given=b'{"a":["\xff"]}')
        self.answers(2, "pattern", "test", "-", "{}", given=b'{"a":["x"]}\0', says="NUL byte")
        self.assertIsNone(self.asks(2, "pattern", "test", "-", "{}", given=b'{"a\xff":1}'))

    def test_sizes(self):
        long = json.dumps({"data": {"text": 10_000_000 * "x", "body": {"temp": 61}}})
        self.answers(0, "pattern", "test", HOT, "-", given=long)
        self.answers(0, "pattern", "test", "--lines", HOT, given=long + "\n")
        text = json.dumps({"temp": 61, "text": 10_000_000 * "x"})
        self.answers(0, "transform", "test", "rename", "fields=temp:t", "--payload", "-", given=text)
        conf = self.file("gen.conf", GEN)
        self.answers(1, "try", "a", conf, "--payload", "-", given=text)
        self.answers(1, "try", "a", conf, "--payload", "-", given=5000 * "[", says="nested too deep")
        self.answers(1, "try", "a", conf, "--payload", "-", given=b'{"t":1}\0', says="not JSON")
        self.answers(1, "try", "a", conf, "--payload", "-", given=b'{"t":"\xff"}', says="not JSON")
        self.answers(2, "pattern", "test", HOT, "-", given=b" " * (65 << 20), says="longer than 64 MiB")
        self.answers(2, "pattern", "test", "--lines", HOT, given=b" " * (65 << 20) + b"\n", says="longer than 64 MiB")
        self.answers(2, "pattern", "test", HOT, "-", given=5000 * "[" + 5000 * "]")
        self.answers(2, "pattern", "test", "-", "{}", given=5000 * '{"a":' + "[1]" + 5000 * "}")
        wide = json.dumps({"data": {"body": {f"k{i}": [i] for i in range(20000)}}})
        self.answers(2, "pattern", "test", "-", "{}", given=wide, says="bytes are more than")

    def test_closed_standard_output(self):
        for arguments in (("pattern", "test", HOT, "{}"), ("version",), ("pattern", "explain", HOT, "{}", "--json"),
                          ("transform", "test", "event/filter", "--payload", "{}")):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([OUTFLOW, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 3)
            self.assertIn(b"standard output cannot be written", done.stderr)
            done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", OUTFLOW, *arguments], stderr=subprocess.PIPE,
                                  timeout=60)
            self.assertEqual(done.returncode, 3)
        done = subprocess.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", OUTFLOW, "pattern", "test", "--batch"],
                              input=b"x\n", stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 3)

    def test_an_unreadable_file(self):
        path = self.file("secret", HOT)
        os.chmod(path, 0)
        if os.access(path, os.R_OK):
            self.skipTest("nothing is unreadable to this user")
        self.answers(2, "pattern", "test", "@" + path, "{}", says="Permission denied")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main()
