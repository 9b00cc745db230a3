# SPDX-License-Identifier: Apache-2.0
"""An MQTT broker for tests: strict where real ones are lenient, and broken on demand.

It speaks MQTT 3.1.1 and 5 with one client at a time per session: QoS 1 towards subscribers within an enforced window, and
QoS 0 and 1 from publishers. Every identifier that was sent and acknowledged is remembered; what a client must not do
(acknowledge twice, out of order, or what was never sent) is listed in `violations`.
"""
import collections
import socket
import struct
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14)


def number(n):
    """A variable byte integer (MQTT 5.0, section 1.5.5)."""
    out = b""
    while True:
        n, low = divmod(n, 128)
        out += bytes([low | (0x80 if n else 0)])
        if not n:
            return out


def read_number(data, at):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def text(s):
    return struct.pack("!H", len(s)) + s


class Session:
    """What outlives a connection."""

    def __init__(self, first_id):
        self.filters = set()
        self.next_id = first_id
        self.in_flight = collections.OrderedDict()  # identifier: message
        self.acknowledged = set()

    def take_id(self):
        taken = self.next_id
        self.next_id = taken % 65535 + 1
        return taken


class StubBroker:
    def __init__(self, window=65535, first_id=1):
        self.window = window
        self.first_id = first_id
        self.refuse = 0             # CONNACK code for the next connections
        self.ignore_acks = False    # acknowledgements from the subscriber are lost on their way
        self.hold_acks = False      # the publisher's messages are not acknowledged
        self.hanging = False        # nothing is read and nothing is said
        self.queue = collections.deque()
        self.sessions = {}
        self.received = []          # (topic, payload, properties) from publishers
        self.connects = []          # (client id, clean, session present)
        self.violations = []
        self.sent = 0
        self.most_in_flight = 0
        self.changed = threading.Condition(threading.RLock())
        self.connection = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"tcp://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    # ---- for the test ----

    def publish(self, topic, payload):
        with self.changed:
            self.queue.append((topic.encode(), payload))
            self._pump()

    def unacknowledged(self):
        with self.changed:
            return len(self.queue) + sum(len(s.in_flight) for s in self.sessions.values())

    def drop(self):
        """Ends the connection without a word."""
        with self.changed:
            if self.connection:
                self.connection.close()

    def lose_sessions(self):
        """A crash of a broker that had saved nothing: sessions and what they had in flight are gone."""
        with self.changed:
            lost = [m for s in self.sessions.values() for m in s.in_flight.values()]
            self.sessions.clear()
            self.drop()
            self.connection = None
            return lost

    def write(self, data):
        with self.changed:
            if self.connection:
                self.connection.write(data)

    def stop(self):
        self.listener.close()
        self.drop()

    # ---- connections ----

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(self, sock).run, daemon=True).start()

    def _pump(self):
        """Sends what the window allows."""
        c = self.connection
        if not c or not c.session or not c.session.filters or self.hanging:
            return
        out = []
        while self.queue and len(c.session.in_flight) < min(self.window, c.receive_maximum):
            message = self.queue.popleft()
            identifier = c.session.take_id()
            c.session.in_flight[identifier] = message
            c.session.acknowledged.discard(identifier)
            out.append(c.publish_packet(identifier, message, False))
            self.sent += 1
        self.most_in_flight = max(self.most_in_flight, len(c.session.in_flight))
        c.write(b"".join(out))


class Connection:
    def __init__(self, broker, sock):
        self.broker, self.sock = broker, sock
        self.session = None
        self.version = 4
        self.receive_maximum = 65535

    def write(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def packet(self, kind, body, flags=0):
        return bytes([kind << 4 | flags]) + number(len(body)) + body

    def publish_packet(self, identifier, message, dup):
        topic, payload = message
        properties = b"\0" if self.version == 5 else b""
        return self.packet(PUBLISH, text(topic) + struct.pack("!H", identifier) + properties + payload,
                           0x02 | (0x08 if dup else 0))

    def read_exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def run(self):
        try:
            while True:
                first = self.read_exactly(1)[0]
                length, shift = 0, 0
                while True:
                    byte = self.read_exactly(1)[0]
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    if not byte & 0x80:
                        break
                body = self.read_exactly(length)
                with self.broker.changed:
                    if self.broker.hanging:
                        continue
                    self.handle(first >> 4, first & 15, body)
                    self.broker.changed.notify_all()
        except (ConnectionError, OSError):
            pass
        finally:
            self.close()
            with self.broker.changed:
                if self.broker.connection is self:
                    self.broker.connection = None

    def handle(self, kind, flags, body):
        if kind == CONNECT:
            self.connect(body)
        elif kind == SUBSCRIBE or kind == UNSUBSCRIBE:
            self.subscribe(kind, body)
        elif kind == PUBACK:
            self.puback(struct.unpack("!H", body[:2])[0])
        elif kind == PUBLISH:
            self.publish(flags, body)
        elif kind == PINGREQ:
            self.write(self.packet(PINGRESP, b""))
        elif kind == DISCONNECT:
            raise ConnectionError

    def connect(self, body):
        broker = self.broker
        self.version, flags = body[6], body[7]
        at = 10
        if self.version == 5:
            length, at = read_number(body, at)
            self.read_connect_properties(body[at:at + length])
            at += length
        n = struct.unpack("!H", body[at:at + 2])[0]
        client = body[at + 2:at + 2 + n].decode()
        clean = bool(flags & 2)
        if broker.refuse:
            self.write(self.packet(CONNACK, bytes([0, broker.refuse]) + (b"\0" if self.version == 5 else b"")))
            raise ConnectionError
        if broker.connection:
            broker.connection.close()
        if clean:
            broker.sessions.pop(client, None)
        present = client in broker.sessions
        broker.connects.append((client, clean, present))
        self.session = broker.sessions.setdefault(client, Session(broker.first_id))
        broker.connection = self
        self.write(self.packet(CONNACK, bytes([present, 0]) + (b"\0" if self.version == 5 else b"")))
        for identifier, message in self.session.in_flight.items():
            self.write(self.publish_packet(identifier, message, True))

    def read_connect_properties(self, data):
        sizes = {0x11: 4, 0x21: 2, 0x22: 2, 0x27: 4, 0x17: 1, 0x19: 1}
        at = 0
        while at < len(data) and data[at] in sizes:
            if data[at] == 0x21:
                self.receive_maximum = struct.unpack("!H", data[at + 1:at + 3])[0]
            at += 1 + sizes[data[at]]

    def subscribe(self, kind, body):
        identifier, at = body[:2], 2
        if self.version == 5:
            length, at = read_number(body, at)
            at += length
        codes = b""
        while at < len(body):
            n = struct.unpack("!H", body[at:at + 2])[0]
            name = body[at + 2:at + 2 + n].decode()
            at += 2 + n
            if kind == SUBSCRIBE:
                self.session.filters.add(name)
                codes += bytes([body[at] & 1])
                at += 1
            else:
                self.session.filters.discard(name)
                codes += b"\0" if self.version == 5 else b""
        properties = b"\0" if self.version == 5 else b""
        self.write(self.packet(SUBACK if kind == SUBSCRIBE else UNSUBACK, identifier + properties + codes))
        self.broker._pump()

    def puback(self, identifier):
        broker, session = self.broker, self.session
        if broker.ignore_acks:
            return
        if identifier not in session.in_flight:
            again = "again" if identifier in session.acknowledged else "but was never sent"
            broker.violations.append(f"{identifier} acknowledged {again}")
            return
        if next(iter(session.in_flight)) != identifier:
            broker.violations.append(f"{identifier} acknowledged before {next(iter(session.in_flight))}")
        del session.in_flight[identifier]
        session.acknowledged.add(identifier)
        broker._pump()

    def publish(self, flags, body):
        n = struct.unpack("!H", body[:2])[0]
        topic, at = body[2:2 + n].decode(), 2 + n
        identifier = None
        if flags & 6:
            identifier, at = body[at:at + 2], at + 2
        properties = b""
        if self.version == 5:
            length, at = read_number(body, at)
            properties, at = body[at:at + length], at + length
        self.broker.received.append((topic, body[at:], properties))
        if identifier and not self.broker.hold_acks:
            self.write(self.packet(PUBACK, identifier))
