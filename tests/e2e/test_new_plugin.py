# SPDX-License-Identifier: Apache-2.0
"""What `outflow new plugin` writes: it compiles without warnings, passes its test and moves records, with nothing but what
was installed and with a build; and what the command refuses leaves nothing behind."""
import json
import os
import re
import subprocess

import pytest

import servers

KINDS = ("source", "transform", "sink")
WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual -Wmissing-prototypes -Werror"


def sanitizers():
    """The flags of a build with sanitizers, whose static library wants their run time."""
    makefile = (servers.BUILD / "Makefile").read_text()
    return re.findall(r"-fsanitize=\w+", re.search(r"^CFLAGS = (.*)$", makefile, re.MULTILINE).group(1))


def outflow(program, *words, cwd):
    return subprocess.run([str(program), *map(str, words)], cwd=cwd, text=True, capture_output=True, timeout=60,
                          env=dict(os.environ, OUTFLOW_PLUGIN_PATH=str(servers.BUILD / "plugins")))


def make(project, *words):
    flags = sanitizers()
    settings = [f"CFLAGS=-O1 -g {WARNINGS} {' '.join(flags)}"] + (["LDFLAGS="] if flags else [])
    environment = {k: v for k, v in os.environ.items() if k not in ("OUTFLOW_PLUGIN_PATH", "MAKEFLAGS")}
    done = subprocess.run(["make", "-C", str(project), *settings, *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Variables of make that lead to an installation below a directory of its own."""
    root = tmp_path_factory.mktemp("installed")
    done = subprocess.run(["make", "-C", str(servers.BUILD), "install", f"DESTDIR={root}"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout
    program = next(root.rglob("bin/outflow"))
    return [f"PKG_CONFIG_PATH={next(root.rglob('outflow.pc')).parent}", f"OUTFLOW={program}",
            f"PKG_CONFIG=PKG_CONFIG_SYSROOT_DIR={root} pkg-config", f"PLUGINS={next(root.rglob('outflow/plugins'))}"]


@pytest.fixture(params=("installed", "build"))
def places(request):
    return request.getfixturevalue("installed") if request.param == "installed" else [f"BUILD={servers.BUILD}"]


def check_data(kind, lines):
    assert len(lines) == 10
    if kind == "source":
        assert [json.loads(line)["heartbeat"] for line in lines] == list(range(10))
    elif kind == "transform":
        records = [json.loads(line) for line in lines]
        assert all(["site", "hall-7"] in record["headers"] for record in records)
        assert [json.loads(record["value"])["seq"] for record in records] == list(range(10))
    else:
        assert [(line.split("\t")[0], json.loads(line.split("\t")[1])["seq"]) for line in lines] == \
            [("gen", i) for i in range(10)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_works(kind, places, tmp_path):
    program = next((p.split("=")[1] for p in places if p.startswith("OUTFLOW=")), servers.BUILD / "outflow")
    made = outflow(program, "new", "plugin", "my-first_1", "--kind", kind, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "my-first_1"
    assert sorted(str(tmp_path / line) for line in made.stdout.split("\n\n")[0].splitlines()) == \
        sorted(map(str, project.iterdir()))
    assert all("newplugin" not in path.name and "newplugin" not in path.read_text() for path in project.iterdir())
    said = make(project, *places, "check", "run")
    assert "my-first_1: fine" in said and f"my-first_1/my-first_1 0.1.0 ({kind})" in said and "COMPLETED" in said
    check_data(kind, (project / "my-first_1.out").read_text().splitlines())
    make(project, *places, "install", f"PLUGINS={tmp_path / 'plugins'}")
    assert [path.name for path in (tmp_path / "plugins").iterdir()] == ["my-first_1.so"]
    make(project, *places, "clean")
    assert len(list(project.iterdir())) == 5


def test_the_heartbeat_keeps_its_interval(tmp_path):
    """The clock of the host says when: not in bursts, as often as an idle task looks around."""
    assert outflow(servers.BUILD / "outflow", "new", "plugin", "beat", "--kind", "source", cwd=tmp_path).returncode == 0
    make(tmp_path / "beat", f"BUILD={servers.BUILD}", "run")
    times = [json.loads(line)["time"] for line in (tmp_path / "beat" / "beat.out").read_text().splitlines()]
    assert min(b - a for a, b in zip(times, times[1:])) >= 95


def test_nothing_is_overwritten_and_nothing_half_done(tmp_path):
    program = servers.BUILD / "outflow"
    project = tmp_path / "project"
    project.mkdir()
    (project / "mine.conf").write_text("mine")
    refused = outflow(program, "new", "plugin", "mine", "--kind", "sink", "--dir", project, cwd=tmp_path)
    assert refused.returncode == 1 and f"{project}/mine.conf exists" in refused.stderr
    assert [(path.name, path.read_text()) for path in project.iterdir()] == [("mine.conf", "mine")]
    made = outflow(program, "new", "plugin", "other", "--kind", "sink", "--dir", project, "--json", cwd=tmp_path)
    assert made.returncode == 0 and len(json.loads(made.stdout)["data"]["files"]) == 5
    assert len(list(project.iterdir())) == 6


@pytest.mark.parametrize("name, reason", [
    ("", "is no name"), ("Upper", "is no name"), ("9lives", "is no name"), ("a/b", "is no name"), ("..", "is no name"),
    ("a" * 65, "is no name"), ("a b", "is no name"), ("gen", "already"), ("rename", "already"),
])
def test_names_that_are_refused(name, reason, tmp_path):
    refused = outflow(servers.BUILD / "outflow", "new", "plugin", "--kind", "transform", "--json", name, cwd=tmp_path)
    assert refused.returncode == 2 and reason in json.loads(refused.stdout)["errors"][0]["message"]
    assert list(tmp_path.iterdir()) == []


def test_usage_and_places_that_cannot_be_written(tmp_path):
    program = servers.BUILD / "outflow"
    for words in (["plugin", "a"], ["plugin", "a", "--kind", "filter"], ["plugin", "--kind", "sink"],
                  ["pipeline", "a", "--kind", "sink"], ["plugin", "a", "b", "--kind", "sink"]):
        assert outflow(program, "new", *words, cwd=tmp_path).returncode == 2, words
    away = outflow(program, "new", "plugin", "a", "--kind", "sink", "--dir", "not/there", cwd=tmp_path)
    assert away.returncode == 3 and "not/there cannot be made: No such file" in away.stderr
    (tmp_path / "file").write_text("")
    file = outflow(program, "new", "plugin", "a", "--kind", "sink", "--dir", "file", cwd=tmp_path)
    assert file.returncode == 3 and "cannot be written: Not a directory" in file.stderr
