# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote, fetched from the registries of their languages."""
import pathlib
import subprocess

import servers

FETCH = pathlib.Path(__file__).resolve().parents[1] / "clients/fetch"


def fetch(*names):
    """Where each is."""
    done = subprocess.run([str(FETCH), str(servers.BUILD.resolve() / "clients"), *names],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    return {name: pathlib.Path(place) for name, place in map(str.split, done.stdout.decode().splitlines())}
