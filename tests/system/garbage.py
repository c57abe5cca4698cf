"""garbage.py ADDRESS PORT KIND: a hostile peer, one layer at a time. Ends with 0 when the other side has
closed the connection, or (half-open) when it has taken many idle connections."""
import os
import socket
import sys

address, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def connect():
    return socket.create_connection((address, port), 10)


def line(text):
    body = text.encode() + b"\n"
    return bytes([len(body)]) + body


hello = line("/multistream/1.0.0") + line("/noise")
sends = {
    "random": os.urandom(4096),
    "empty": b"\x00" * 100,
    "multistream-long": b"\xff\xff\xff\x7f" + b"a" * 5000,
    "multistream-text": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "noise-short": hello + b"\x00\x01x",
    "noise-random": hello + b"\x00\x20" + os.urandom(32) + b"\x01\x00" + os.urandom(256),
    "noise-huge": hello + b"\xff\xff" + os.urandom(65535),
}

if kind == "half-open":
    kept = [connect() for _ in range(100)]
    sys.exit(0)

s = connect()
s.settimeout(30)
try:
    s.sendall(sends[kind])
    while s.recv(65536):
        pass
except (ConnectionResetError, BrokenPipeError):
    pass
