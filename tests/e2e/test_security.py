# SPDX-License-Identifier: Apache-2.0
"""TLS and passwords towards the MQTT broker: the right ones work, wrong ones are said in words and never shown."""
import subprocess

import pytest

import oracle
import servers
import test_flow


def make_certificates(directory):
    """A CA, and a certificate of it for 127.0.0.1."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout",
                f"{name}.key", "-out", f"{name}.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", "broker.key", "-out", "broker.csr")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "broker.crt")


@pytest.fixture
def guarded(tmp_path):
    """mosquitto with a plain listener for the publisher and a TLS one that wants a password."""
    make_certificates(tmp_path)
    passwords = tmp_path / "passwords"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", passwords, "sensor", "s3cret word"], check=True)
    # The broker gives up root's rights; it has to read these all the same.
    for path in (*tmp_path.glob("*.crt"), *tmp_path.glob("*.key"), passwords):
        path.chmod(0o644)
    tls = servers.free_port()
    broker = servers.Mosquitto(tmp_path / "mqtt", ["per_listener_settings true"])
    config = broker.config.read_text().replace("allow_anonymous true\n", "")
    broker.config.write_text(
        config + f"listener {broker.port} 127.0.0.1\nallow_anonymous true\n"
        f"listener {tls} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\ncafile {tmp_path}/ca.crt\n"
        f"certfile {tmp_path}/broker.crt\nkeyfile {tmp_path}/broker.key\n")
    broker.start()
    yield broker, tls
    broker.stop()


def test_tls_and_password(kafka, guarded, topic, tmp_path, make_outflow):
    """Proves that messages arrive over TLS with a password that stands in a file."""
    broker, tls = guarded
    (tmp_path / "password").write_text("s3cret word\n")
    outflow = make_outflow(mqtt=f"ssl://127.0.0.1:{tls}", source=f'username = "sensor"; password = '
                           f'"${{file:{tmp_path}/password}}"; tls = {{ ca = "{tmp_path}/ca.crt"; }};').start()
    outflow.wait_subscribed()
    test_flow.publish(broker.port, [("plant/a/t", '{"dev":"a"}')])
    assert [m.key() for m in test_flow.read(kafka, topic, 1)] == [b"a"]
    outflow.stop()
    assert not outflow.logged("s3cret")


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_wrong_password_fails_the_start_in_words(guarded, tmp_path, make_outflow, protocol):
    """Proves that a refused connection ends the task with the broker's reason, and that the password is not logged."""
    _, tls = guarded
    outflow = make_outflow(mqtt=f"ssl://127.0.0.1:{tls}", source=f'protocol = "{protocol}"; username = "sensor"; '
                           f'password = "wr0ng word"; tls = {{ ca = "{tmp_path}/ca.crt"; }};').start()
    servers.wait_until(lambda: outflow.logged("FAILED: source: "), 30, "the task failed")
    assert outflow.logged("refuses the connection")
    assert not outflow.logged("wr0ng")


def test_a_wrong_authority_keeps_trying_and_says_why(guarded, tmp_path, make_outflow):
    """Proves that a certificate of another authority is not accepted, and that the log names TLS as the reason."""
    _, tls = guarded
    outflow = make_outflow(mqtt=f"ssl://127.0.0.1:{tls}", source='username = "sensor"; password = "s3cret word"; '
                           f'tls = {{ ca = "{tmp_path}/other.crt"; }};').start()
    servers.wait_until(lambda: outflow.logged("TLS: ") and outflow.logged("cannot connect"), 30, "TLS refused it")
    assert not outflow.logged("subscribed to")


def test_a_broker_that_comes_later_is_waited_for(kafka, topic, tmp_path, make_outflow):
    """Proves that Outflow may start before its MQTT broker."""
    broker = servers.Mosquitto(tmp_path / "late")
    outflow = make_outflow(mqtt=broker.url).start()
    servers.wait_until(lambda: outflow.logged("cannot connect"), 30, "the first try failed")
    broker.start()
    try:
        outflow.wait_subscribed()
        publisher = oracle.Publisher(broker.port)
        publisher.publish_all(100)
        oracle.verdict(kafka.bootstrap, topic, publisher).check()
    finally:
        outflow.stop()
        broker.stop()
