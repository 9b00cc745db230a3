# SPDX-License-Identifier: Apache-2.0
"""The commands that ask a running daemon: what they say, what they do, and how they end."""
import json
import os
import signal
import subprocess

import pytest

import servers

HOST = 'api = {{ listeners = [ "unix:{socket}" ]; }};\n'
PIPELINE = '{{ name = "{name}"; source = {{ class = "gen"; rate = 50; }}; sink = {{ class = "null"; }}; {more} }}'


def pipelines(*each):
    return "pipelines = ( " + ", ".join(each) + " );\n"


def declared(name, more=""):
    return PIPELINE.format(name=name, more=more)


@pytest.fixture
def daemon(tmp_path):
    config = HOST.format(socket=tmp_path / "control") + pipelines(declared("declared"))
    outflow = servers.Outflow(tmp_path / "outflow", config).start()
    servers.wait_until(lambda: outflow.logged("declared/0: RUNNING"), 20, "the declared pipeline runs")
    yield outflow
    outflow.stop()


class Answer:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()


def run(daemon, command, *words, stdin="", env=None):
    done = subprocess.run([str(servers.BUILD / "outflow"), *command.split(), "--state-dir", str(daemon.state_dir),
                           *map(str, words)], input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, env=dict(os.environ, **(env or {})))
    return Answer(done)


def rows(answer):
    assert answer.status == 0, answer.err
    lines = answer.out.splitlines()
    return {line.split()[0]: line.split()[1] for line in lines[1:]}


def wait_for(daemon, name, state):
    servers.wait_until(lambda: rows(run(daemon, "list")).get(name) == state, 20, f"{name} is {state}")


def write(daemon, name, text):
    path = daemon.directory / name
    path.write_text(text)
    return path


def test_a_pipeline_through_its_life(daemon):
    file = write(daemon, "made.conf", pipelines(declared("made")))
    assert "made is created, and READY" in run(daemon, "create", file).out
    assert rows(run(daemon, "list")) == {"declared": "RUNNING", "made": "READY"}
    assert rows(run(daemon, "list", "ma")) == {"made": "READY"}
    assert run(daemon, "start", "made").status == 0
    wait_for(daemon, "made", "RUNNING")
    servers.wait_until(lambda: json.loads(run(daemon, "list --json", "ma").out)["data"][0]["figures"]["delivered"] > 0, 20,
                       "it delivers")
    assert run(daemon, "pause", "made", "declared").status == 0
    wait_for(daemon, "made", "PAUSED")
    wait_for(daemon, "declared", "PAUSED")
    assert run(daemon, "resume", "made").status == 0
    wait_for(daemon, "made", "RUNNING")
    assert run(daemon, "restart", "--task", "0", "made").status == 0
    wait_for(daemon, "made", "RUNNING")
    assert run(daemon, "stop", "made").status == 0
    wait_for(daemon, "made", "READY")
    assert "made is deleted" in run(daemon, "delete", "made").out
    assert "made" not in rows(run(daemon, "list"))


def test_settings_are_edited_one_by_one_in_an_editor_and_from_a_file(daemon):
    run(daemon, "create", "--start", write(daemon, "made.conf", pipelines(declared("made"))))
    assert run(daemon, "edit", "made", "description=one", "source.rate=60").status == 0
    shown = run(daemon, "show", "made").out
    assert "description = one" in shown and "source.rate = 60" in shown
    assert run(daemon, "edit", "made", "description=").status == 0
    assert "description" not in run(daemon, "show", "made").out
    editor = write(daemon, "editor", "#!/bin/sh\nsed -i 's/\"60\"/\"70\"/' \"$1\"\n")
    editor.chmod(0o755)
    assert run(daemon, "edit", "made", env={"VISUAL": str(editor)}).status == 0
    assert "source.rate = 70" in run(daemon, "show", "made").out
    body = json.dumps({"name": "made", "source": {"class": "gen"}, "sink": {"class": "null"}, "description": "two"})
    assert run(daemon, "edit --file -", "made", stdin=body).status == 0
    assert "description = two" in run(daemon, "show", "made").out
    wait_for(daemon, "made", "RUNNING")


def test_answers_for_programs_are_one_envelope(daemon):
    for command in ("list", "status", "show", "logs level"):
        answer = run(daemon, f"{command} --json", *(["declared"] if command == "show" else []))
        body = json.loads(answer.out)
        assert answer.status == 0 and body["ok"] is True and body["errors"] == [] and body["data"], command
    body = json.loads(run(daemon, "show --json", "nobody").out)
    assert body["ok"] is False and "nobody" in body["errors"][0]["message"]


def test_how_commands_end(daemon):
    wrong = json.dumps({"name": "wrong", "source": {"class": "gen", "rat": 1}, "sink": {"class": "null"}})
    refused = run(daemon, "create", "-", stdin=wrong)
    assert refused.status == 2 and "source.rat" in refused.err and "source.rate" in refused.err
    assert run(daemon, "create", "-", stdin="{").status == 2
    assert run(daemon, "show", "nobody").status == 1
    assert run(daemon, "delete", "declared").status == 1
    assert run(daemon, "show").status == 2
    assert run(daemon, "list", "--jsn").status == 2
    away = subprocess.run([str(servers.BUILD / "outflow"), "list", "--url", f"unix:{daemon.directory}/nowhere"],
                          stderr=subprocess.PIPE, timeout=60)
    assert away.returncode == 3 and b"is it running?" in away.stderr


def test_a_failed_pipeline_shows_in_the_status(daemon):
    assert run(daemon, "status").status == 0
    broken = pipelines('{ name = "broken"; source = { class = "file"; path = "/nowhere/at/all"; }; sink = { class = "null"; }; }')
    assert run(daemon, "create", "--start", write(daemon, "broken.conf", broken)).status == 0
    servers.wait_until(lambda: run(daemon, "status").status == 1, 20, "the status says that it failed")
    assert "broken: " in run(daemon, "status").out
    one = run(daemon, "status", "declared")
    assert one.status == 0 and "declared" in one.out and "broken" not in one.out
    assert run(daemon, "status", "declared", "broken").status == 1
    nobody = run(daemon, "status", "declard")
    assert nobody.status == 1 and "did you mean 'declared'?" in nobody.err


def test_levels_of_loggers_are_shown_and_changed(daemon):
    assert "connector.declared" in run(daemon, "logs level").out
    assert run(daemon, "logs level", "connector.declared", "DEBUG").status == 0
    assert run(daemon, "logs level", "connector.declared").out == "DEBUG\n"


def test_files_are_planned_applied_and_reloaded(daemon):
    assert "nothing differs" in run(daemon, "plan").out
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace(" );", ", " + declared("second") + " );"))
    plan = run(daemon, "plan").out
    assert "second would be added" in plan
    hash_ = plan.split("hash ")[1].strip()
    daemon.config.write_text(text.replace(" );", ", " + declared("third") + " );"))
    assert run(daemon, "apply", "--hash", hash_).status == 1
    assert rows(run(daemon, "list")) == {"declared": "RUNNING"}
    hash_ = run(daemon, "plan").out.split("hash ")[1].strip()
    assert "third added" in run(daemon, "apply", "--hash", hash_).out
    wait_for(daemon, "third", "RUNNING")
    daemon.config.write_text(text)
    assert "third removed" in run(daemon, "reload").out
    assert rows(run(daemon, "list")) == {"declared": "RUNNING"}
    daemon.config.write_text(text.replace("rate", "rat"))
    refused = run(daemon, "reload")
    assert refused.status == 2 and "rat" in refused.err
    wait_for(daemon, "declared", "RUNNING")


def test_a_signal_reloads_too(daemon):
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace(" );", ", " + declared("second") + " );"))
    daemon.child.send_signal(signal.SIGHUP)
    servers.wait_until(lambda: daemon.logged("second/0: RUNNING"), 20, "the second pipeline runs")
    daemon.config.write_text("pipelines = ( { name = 3 } ")
    daemon.child.send_signal(signal.SIGHUP)
    servers.wait_until(lambda: daemon.logged("reload: nothing was changed"), 20, "the refusal is in the log")
    assert daemon.alive()


def test_a_plugin_put_there_while_the_daemon_runs_is_found_by_a_reload(daemon):
    late = PIPELINE.format(name="late", more="").replace('class = "null"', 'class = "twice"')
    daemon.config.write_text(daemon.config.read_text().replace(" );", ", " + late + " );"))
    assert run(daemon, "reload").status == 2
    plugin = servers.BUILD.resolve() / "tests/plug/.libs/misbehaving.so"
    (daemon.plugins / "misbehaving.so").symlink_to(plugin)
    assert "late added" in run(daemon, "reload").out
    wait_for(daemon, "late", "RUNNING")


def test_the_live_table_counts(daemon):
    answer = run(daemon, "top", "--count", "2", "--interval", "0.2")
    assert answer.status == 0 and answer.out.count("NAME") == 2




def test_a_connection_is_set_used_and_deleted(daemon):
    assert run(daemon, "connection set", "plant", "class=gen", "rate=30").status == 0
    assert rows(run(daemon, "connection list")) == {"plant": "gen"}
    assert "rate = " in run(daemon, "connection show", "plant").out
    body = json.dumps({"name": "made", "source": {"connection": "plant"}, "sink": {"class": "null"}})
    assert run(daemon, "create --start", "-", stdin=body).status == 0
    wait_for(daemon, "made", "RUNNING")
    assert run(daemon, "connection delete", "plant").status == 1
    assert run(daemon, "delete", "made").status == 0
    assert run(daemon, "connection delete", "plant").status == 0


def test_offsets_are_shown_set_and_reset_while_it_is_stopped(daemon):
    lines = write(daemon, "lines", "one\ntwo\nthree\n")
    out = daemon.directory / "out"
    file = write(daemon, "reader.conf", pipelines(
        f'{{ name = "reader"; source = {{ class = "file"; path = "{lines}"; follow = true; format = "text"; }}; '
        f'sink = {{ class = "file"; path = "{out}"; }}; }}'))
    run(daemon, "create --start", file)
    servers.wait_until(lambda: out.exists() and out.read_text() == "one\ntwo\nthree\n", 20, "the lines are there")
    assert run(daemon, "offsets --reset", "reader").status == 2, "it runs"
    run(daemon, "stop", "reader")
    wait_for(daemon, "reader", "READY")
    offsets = json.loads(run(daemon, "offsets", "reader").out)
    assert offsets["offsets"][0]["offset"]["position"] == len("one\ntwo\nthree\n")
    offsets["offsets"][0]["offset"]["position"] = len("one\ntwo\n")
    assert run(daemon, "offsets --set -", "reader", stdin=json.dumps(offsets)).status == 0
    run(daemon, "start", "reader")
    servers.wait_until(lambda: out.read_text() == "one\ntwo\nthree\nthree\n", 20, "the last line is there again")
    run(daemon, "stop", "reader")
    wait_for(daemon, "reader", "READY")
    assert run(daemon, "offsets --reset", "reader").status == 0
    run(daemon, "start", "reader")
    servers.wait_until(lambda: out.read_text() == "one\ntwo\nthree\nthree\none\ntwo\nthree\n", 20, "all lines are there again")
