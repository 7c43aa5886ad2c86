#!/usr/bin/env python3
"""A third party that speaks just enough HTTP/2 (and 1.1, where that is all it is offered) to be told, frame by frame, how to answer.

usage: http2_peer.py CERT KEY WORD...

Each request takes the next word; the last one goes on for ever.
  ok       reads the request whole, answers 200 and "done"
  early    answers 401 and "done" before the body has come, with the stream's end (RST_STREAM, NO_ERROR) in the same TLS record
  pieces   the same, each frame in a record of its own
  bare     as pieces, without a Content-Length: only the stream's end says where the answer ends
  open     as bare, but with 200 (libcurl stops sending after a 4xx), and without the RST_STREAM
  below    GOAWAY that names the stream before this one as the last, and closes
  taken    GOAWAY that names this one, and closes without an answer
  refuse   RST_STREAM with REFUSED_STREAM

It says "port N", then for each request "VERSION CONNECTION WORD". Words but ok are for HTTP/2: over 1.1 every answer is 200.
"""

import itertools
import socket
import ssl
import struct
import sys
import threading

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, REFUSED_STREAM = 0, 7
OK = b"\x88"  # HPACK: :status 200 of the static table
UNAUTHORIZED = b"\x08\x03401"  # a literal value for the same name

words = sys.argv[3:]
turn = itertools.count()
lock = threading.Lock()


def next_word(version, connection):
    with lock:
        word = words[min(next(turn), len(words) - 1)]
        print(version, connection, word, flush=True)
    return word


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


LENGTH = b"\x0f\x0d\x014"  # content-length: 4, as a literal that is not kept


def answer(stream, status, length=LENGTH):
    return [frame(HEADERS, END_HEADERS, stream, status + length), frame(DATA, END_STREAM, stream, b"done")]


class Gone(Exception):
    pass


def read(conn, size):
    data = b""
    while len(data) < size:
        some = conn.recv(size - len(data))
        if not some:
            raise Gone
        data += some
    return data


def read_frame(conn):
    head = read(conn, 9)
    size, = struct.unpack(">I", b"\0" + head[:3])
    stream, = struct.unpack(">I", head[5:])
    return head[3], head[4], stream, read(conn, size)


def goaway(last):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, NO_ERROR))


def begun(conn, stream, word):
    """What is said as soon as the request's headers are there."""
    length = b"" if word in ("bare", "open") else LENGTH
    early = answer(stream, OK if word == "open" else UNAUTHORIZED, length) + [frame(RST_STREAM, 0, stream, struct.pack(">I", NO_ERROR))]
    if word == "early":
        conn.sendall(b"".join(early))
    elif word in ("pieces", "bare", "open"):
        for piece in early[:2] if word == "open" else early:
            conn.sendall(piece)
    elif word in ("below", "taken"):
        conn.sendall(goaway(stream if word == "taken" else max(stream - 2, 0)))
        # Its own direction alone, and reads on: a reset, for what is not read, would overtake what was said
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(65536):
            pass
        raise Gone
    elif word == "refuse":
        conn.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM)))


def serve_2(conn, number):
    read(conn, 24)  # the preface
    conn.sendall(frame(SETTINGS, 0, 0))
    under_way = {}
    while True:
        kind, flags, stream, payload = read_frame(conn)
        if kind == SETTINGS and not flags & ACK:
            conn.sendall(frame(SETTINGS, ACK, 0))
        if kind == HEADERS:
            under_way[stream] = next_word("2", number)
            begun(conn, stream, under_way[stream])
        if kind == DATA and payload and under_way.get(stream) == "ok":  # Only who reads the body makes room for more
            conn.sendall(b"".join(frame(WINDOW_UPDATE, 0, of, struct.pack(">I", len(payload))) for of in (0, stream)))
        if kind in (HEADERS, DATA) and flags & END_STREAM and under_way.pop(stream, "") == "ok":
            conn.sendall(b"".join(answer(stream, OK)))


def serve_1(conn, number):
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            data += read(conn, 1)
        length = next((int(line.split(b":")[1]) for line in data.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        next_word("1.1", number)
        read(conn, length)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        data = b""


def serve(plain, number):
    try:
        with context.wrap_socket(plain, server_side=True) as conn:
            (serve_2 if conn.selected_alpn_protocol() == "h2" else serve_1)(conn, number)
    except (Gone, OSError):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.set_alpn_protocols(["h2", "http/1.1"])
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
for connection in itertools.count(1):
    accepted, _ = listener.accept()
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(accepted, connection), daemon=True).start()
