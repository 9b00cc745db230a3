# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the source files of the tree, and how a lint ends."""
import os
import sys

ROOT = os.path.abspath(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), "..", ".."))
SOURCE_DIRECTORIES = ("connectors", "host", "plugins.d", "sdk", "tests", "transforms")
TEXT_ENDINGS = (".am", ".c", ".h", ".in", ".m4", ".md", ".py", ".sh", ".conf", ".expected", ".xml")


def files(*endings, below=SOURCE_DIRECTORIES):
    """Paths from the root, with slashes, sorted; without endings: every text file and script."""
    found = []
    for top in below:
        for directory, names, entries in os.walk(os.path.join(ROOT, top)):
            names[:] = [n for n in names if not n.startswith(".") and n != "__pycache__"]
            for entry in entries:
                path = os.path.relpath(os.path.join(directory, entry), ROOT)
                if entry.endswith(endings) if endings else is_text(entry, path):
                    found.append(path)
    return sorted(found)


def is_text(entry, path):
    return entry.endswith(TEXT_ENDINGS) or ("." not in entry and is_script(path))


def is_script(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read(2) == b"#!"


def lines(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read().split("\n")


def finish(problems):
    """Prints what is wrong and ends with the status that says so."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
