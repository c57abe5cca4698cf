"""restart.py use URL PEER NAME FOLDER | once URL PEER page|post | watch URL FOLDER | kill COUNT PEER-FOLDER...

What restart.sh does many times a second. `use` visits a page of PEER and posts into its guest book from the viewer
at URL, and rests while there is FOLDER/pause; `once` does one of both, and prints what came of it; `watch` listens
to who comes and goes there; `use` and `watch` until the file FOLDER/enough exists; `kill` ends services of the peers
at random moments. What was seen is written to FOLDER, a line each.

An error has to name the event that it comes from. None may come from somebody's deadline, so ours is longer than all
of theirs: whoever waits for one is seen by the words of its error."""
import hashlib
import http.client
import json
import os
import random
import re
import signal
import socket
import sys
import time
import urllib.parse

HUNG = 150  # s: no answer and no end of the connection for that long
CONTROL = 10  # s, for an answer of the supervisor
EVENTS = re.compile(
    rb"is restarting|is stopping|will be back|connection refused|connection lost|connection to the peer was lost"
    rb"|connection to the peer is closing|closed (by the other side|the connection)"
    rb"|no address is known|does not serve (/|this protocol)")
DEADLINES = re.compile(
    rb"in time|no answer within|not connected within|too long|sent nothing|timed out|does not (answer|read)|has read nothing")


def connect(url):
    at = urllib.parse.urlsplit(url)
    return http.client.HTTPConnection(at.hostname, at.port, timeout=HUNG)


def ask(url, method, path, body=None):
    """Status and body; OSError or HTTPException when the connection ends early."""
    c = connect(url)
    try:
        c.request(method, path, body, {"Content-Type": "application/json", "Origin": url} if body else {})
        answer = c.getresponse()
        return answer.status, answer.read()
    finally:
        c.close()


def attempt(url, method, path, body=None):
    """('answer', status, body) or ('ended', why, b'') or ('hung', why, b'')"""
    try:
        return ("answer", *ask(url, method, path, body))
    except TimeoutError as e:
        return "hung", repr(e), b""
    except (OSError, http.client.HTTPException) as e:
        return "ended", repr(e), b""


def judge(name, answer, is_good):
    """What is allowed: the whole, an error that names its event, or an end that shows. A whole that is not it, an error
    without words or by somebody's deadline, and silence are not."""
    how, status, body = answer
    if how == "answer" and status == 200:
        return f"{name} good" if is_good(body) else f"{name} BAD {len(body)} bytes {body[:80]!r}"
    if how == "answer" and status >= 500 and EVENTS.search(body) and not DEADLINES.search(body):
        return f"{name} error {status} {EVENTS.search(body)[0].decode()}"
    return f"{name} ended" if how == "ended" else f"{name} BAD {how} {status} {body[-600:]!r}"


def visit(url, peer):
    return attempt(url, "GET", f"/p/{peer}/page.bin")


def post(url, peer, author, message):
    row = {"table": "guestbook", "data": {"author": author, "message": message}}
    return attempt(url, "POST", f"/api/p/{peer}/data/insert", json.dumps(row))


def once(url, peer, what):
    said = visit(url, peer) if what == "page" else post(url, peer, "once", "once")
    print(judge(what, said, lambda _: True))


def use(url, peer, name, folder):
    page = hashlib.sha256(open(f"{folder}/page", "rb").read()).digest()
    n = 0
    with open(f"{folder}/used-{name}", "w", buffering=1) as out:
        while not os.path.exists(f"{folder}/enough"):
            if os.path.exists(f"{folder}/pause"):
                out.write("rest\n")
                time.sleep(0.2)
                continue
            n += 1
            said = visit(url, peer)
            out.write(judge("page", said, lambda b: hashlib.sha256(b).digest() == page) + "\n")
            said = post(url, peer, name, f"{name}-{n}")
            verdict = judge("post", said, lambda b: b'"inserted"' in b)
            out.write(verdict + "\n")
            if verdict == "post good":
                out.write(f"row {name}-{n}\n")


def watch(url, folder):
    at = urllib.parse.urlsplit(url)
    s = socket.create_connection((at.hostname, at.port))
    s.sendall(f"GET /api/peers/events HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
    s.settimeout(0.5)
    with open(f"{folder}/watched", "wb", buffering=0) as out:
        while not os.path.exists(f"{folder}/enough"):
            try:
                seen = s.recv(65536)
            except TimeoutError:
                continue
            out.write(seen or b"\nevent: end\n")
            if not seen:
                return


def control(peer, **request):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(CONTROL)
    # Longer paths than a socket address takes.
    folder = os.open(peer, os.O_PATH)
    s.connect(f"/proc/self/fd/{folder}/run/control.sock")
    os.close(folder)
    s.sendall(json.dumps(request).encode() + b"\n")
    return s


def pids(peer):
    with control(peer, ask="status") as s:
        status = json.load(s.makefile())
    return {service["name"]: service.get("pid") for service in status["services"]}


def kill(count, peers):
    deaths = {}
    waiting = []
    while count > 0:
        time.sleep(random.uniform(0, 0.45))
        peer = random.choice(peers)
        service, pid = random.choice(list(pids(peer).items()))
        key = (peer, service)
        # Five deaths a minute are allowed; a restart by hand forgives them, and is one more way to end.
        if deaths.get(key, 0) == 5 or pid is None:
            waiting.append(control(peer, ask="restart", service=service))
            deaths[key] = 0
            continue
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it was being restarted, and has ended meanwhile
            continue
        deaths[key] = deaths.get(key, 0) + 1
        count -= 1
    for s in waiting:
        s.close()


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "kill":
        kill(int(words[0]), words[1:])
    else:
        {"use": use, "once": once, "watch": watch}[command](*words)
