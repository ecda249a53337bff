#!/usr/bin/env python3
"""TLS servers for the unit tests, made by another library than ours: tls_server.py NAME=MODE:CERTIFICATE.pem ...

Prints "NAME PORT" for each, then "ready"; ends with its standard input. The modes are the functions below.
"""

import socket
import ssl
import sys
import threading

HELLO = b"Hello\r\n"
FLOOD = bytes(i % 251 for i in range(1 << 20))


def context_of(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def say_back(stream: ssl.SSLSocket) -> None:
    while data := stream.recv(65536):
        stream.sendall(data)


def echo(client: socket.socket, certificate: str) -> None:
    with context_of(certificate).wrap_socket(client, server_side=True) as stream:
        stream.sendall(HELLO)
        say_back(stream)


def sni(client: socket.socket, certificate: str) -> None:
    """Says which host name it was asked for."""
    context, asked = context_of(certificate), []
    context.sni_callback = lambda stream, name, _: asked.append(name)
    with context.wrap_socket(client, server_side=True) as stream:
        stream.sendall(f"{asked[0] if asked else None}\r\n".encode())
        say_back(stream)


def flood(client: socket.socket, certificate: str) -> None:
    """A lot, in records as large as can be, and an orderly end."""
    with context_of(certificate).wrap_socket(client, server_side=True) as stream:
        stream.sendall(FLOOD)
        stream.unwrap()


def stay(client: socket.socket, certificate: str) -> None:
    """A lot, and then nothing."""
    with context_of(certificate).wrap_socket(client, server_side=True) as stream:
        stream.sendall(HELLO)
        stream.sendall(FLOOD)
        stream.recv(1)


def cut(client: socket.socket, certificate: str) -> None:
    """Closes without a word of TLS."""
    with context_of(certificate).wrap_socket(client, server_side=True) as stream:
        stream.sendall(HELLO)


def deaf(client: socket.socket, certificate: str) -> None:
    """Reads nothing but the handshake."""
    with context_of(certificate).wrap_socket(client, server_side=True) as stream:
        stream.sendall(HELLO)
        threading.Event().wait()


def old(client: socket.socket, certificate: str) -> None:
    context = context_of(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with context.wrap_socket(client, server_side=True) as stream:
        say_back(stream)


def suspicious(client: socket.socket, certificate: str) -> None:
    """Wants a certificate of the client."""
    context = context_of(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with context.wrap_socket(client, server_side=True) as stream:
        say_back(stream)


def plain(client: socket.socket, _: str) -> None:
    with client:
        client.sendall(b"Asterisk Call Manager/9.0.0\r\n")
        client.recv(65536)
        threading.Event().wait(0.2)


def drip(client: socket.socket, certificate: str) -> None:
    """As echo, in packets of a few bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stream = context_of(certificate).wrap_bio(incoming, outgoing, server_side=True)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(step, *arguments):
        while True:
            try:
                result, again = step(*arguments), False
            except ssl.SSLWantReadError:
                result, again = None, True
            while piece := outgoing.read(5):
                client.sendall(piece)
            if not again:
                return result
            data = client.recv(7)
            incoming.write(data) if data else incoming.write_eof()

    run(stream.do_handshake)
    run(stream.write, HELLO)
    while data := run(stream.read, 65536):
        run(stream.write, data)


def attend(client: socket.socket, mode, certificate: str) -> None:
    try:
        mode(client, certificate)
    except (OSError, ssl.SSLError):
        pass  # what the client makes of it is what is tested
    finally:
        client.close()


def serve(listener: socket.socket, mode, certificate: str) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=attend, args=(client, mode, certificate), daemon=True).start()


def main() -> None:
    for argument in sys.argv[1:]:
        name, _, rest = argument.partition("=")
        mode, _, certificate = rest.partition(":")
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=serve, args=(listener, globals()[mode], certificate), daemon=True).start()
        print(name, listener.getsockname()[1], flush=True)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
