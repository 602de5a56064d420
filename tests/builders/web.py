"""Web servers on the loopback that answer what a test says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Script = Callable[[socket.socket, str], None]


class WebServer:
    """Takes connections; ``script`` gets each with the request's head."""

    def __init__(self, script: Script, *, host: str, context: ssl.SSLContext | None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.host, self.port = host, self._listener.getsockname()[1]
        self.script, self._context = script, context
        self.heads: list[str] = []
        self.closing = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._context else 'http'}://{host}:{self.port}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            connection.settimeout(20)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            stack.enter_context(connection)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head.decode("latin-1"))
            self.script(connection, self.heads[-1])

    def close(self) -> None:
        """Take no more connections."""
        self.closing.set()
        self._listener.close()


@contextmanager
def web_server(
    script: Script, *, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """Run a server."""
    made = WebServer(script, host=host, context=context)
    try:
        yield made
    finally:
        made.close()


def says(status: str, body: bytes = b"", *headers: str, length: bool = True) -> Script:
    """Return a script that gives one answer to everybody."""
    lines = [f"HTTP/1.1 {status}", *headers, "Connection: close"]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"

    def script(connection: socket.socket, _head: str) -> None:
        connection.sendall(head.encode() + body)

    return script


def certificate(directory: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for a name that is its own authority; return its file and a context."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context
