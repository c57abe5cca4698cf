"""One address against a rendezvous server: hostile.py WAY HOST PORT [NUMBER], WAY being one of

flood   100 000 invented peers, as fast as they are taken; says how each was answered
slow    1 500 connections that trickle a request in, for as long as it runs; says how many are open
deaf    NUMBER subscribers that never read, for as long as it runs; says how they were answered
"""
import asyncio, collections, json, os, socket, sys, time

way, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def invented():
    """A peer id of an Ed25519 key that nobody has."""
    raw = bytes.fromhex("002408011220") + os.urandom(32)
    n, text = int.from_bytes(raw, "big"), ""
    while n:
        n, digit = divmod(n, 58)
        text = DIGITS[digit] + text
    return "1" + text


def publish():
    body = json.dumps({"type": "online", "peerId": invented(), "content": "nobody " * 50, "ts": int(time.time() * 1000)})
    return f"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def flood_some(count, answers, batch=100):
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(count // batch):
        writer.write(b"".join(publish() for _ in range(batch)))
        got, text = 0, b""
        while got < batch:
            text += await reader.read(65536)
            *whole, text = text.split(b"HTTP/1.1 ")
            for answer in whole:
                if answer[:3].isdigit():
                    answers[answer[:3].decode()] += 1
                    got += 1
            # The last one is over when its body is, of which the length is announced.
            head, end, rest = text.partition(b"\r\n\r\n")
            length = next((int(l[15:]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")), 0)
            if end and len(rest) >= length and text[:3].isdigit():
                answers[text[:3].decode()] += 1
                got += 1
                text = b""
            elif text:
                text = b"HTTP/1.1 " + text
    writer.close()


async def flood():
    answers = collections.Counter()
    await asyncio.gather(*(flood_some(12500, answers) for _ in range(8)))
    print(" ".join(f"{code}:{n}" for code, n in sorted(answers.items())), flush=True)


async def trickle(state):
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            state["open"] += 1
            try:
                writer.write(b"POST /publish HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                while not reader.at_eof():
                    writer.write(b"x")
                    await writer.drain()
                    try:
                        await asyncio.wait_for(reader.read(100), 1)
                    except asyncio.TimeoutError:
                        pass
                state["cut"] += 1
            finally:
                state["open"] -= 1
                writer.close()
        except OSError:
            pass
        await asyncio.sleep(0.5)


async def slow():
    state = collections.Counter()
    tasks = [asyncio.create_task(trickle(state)) for _ in range(1500)]
    while tasks:
        await asyncio.sleep(1)
        print(f"open {state['open']} cut {state['cut']}", flush=True)


async def deaf():
    answers, kept = collections.Counter(), []
    for _ in range(int(sys.argv[4])):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((host, port))
        s.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        answers[s.recv(12).decode()[-3:]] += 1
        kept.append(s)
    print(" ".join(f"{code}:{n}" for code, n in sorted(answers.items())), flush=True)
    await asyncio.sleep(3600)


asyncio.run({"flood": flood, "slow": slow, "deaf": deaf}[way]())
