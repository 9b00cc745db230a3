# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy on loopback that counts bytes and can hold them back, in either direction, or reset its connections."""
import asyncio
import struct
import socket
import threading

import servers

ONWARD, BACK = "onward", "back"  # from the client to the server, and what it answers


class Proxy:
    """One listening port in front of one server, on a thread of its own."""

    def __init__(self, target):
        self.port, self.target = servers.free_port(), target
        self.passed = {ONWARD: 0, BACK: 0}
        self.connections = 0
        self.streams = set()
        self.loop = asyncio.new_event_loop()
        self.open = {}
        threading.Thread(target=self._run, daemon=True).start()
        servers.wait_until(lambda: servers.port_answers(self.port), 10, "the proxy listens")

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.open = {way: asyncio.Event() for way in (ONWARD, BACK)}
        for gate in self.open.values():
            gate.set()
        self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self.streams |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer, ONWARD), self._pump(far_reader, writer, BACK))
        self.streams -= {writer, far_writer}

    async def _pump(self, reader, writer, way):
        try:
            while data := await reader.read(65536):
                await self.open[way].wait()
                writer.write(data)
                await writer.drain()
                self.passed[way] += len(data)
        except (ConnectionError, OSError):
            pass
        finally:
            writer.close()

    def _in_loop(self, work):
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (work(), done.set()))
        assert done.wait(10)

    def hold(self, *ways):
        """Nothing passes any more, and nobody is told: a connection that is half open."""
        self._in_loop(lambda: [self.open[w].clear() for w in ways])

    def release(self):
        self._in_loop(lambda: [gate.set() for gate in self.open.values()])

    def reset(self):
        """Every connection ends with a reset."""
        def work():
            for writer in list(self.streams):
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        self._in_loop(work)
