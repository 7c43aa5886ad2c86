"""What runs while something is measured: a node, the stand-in third party, the load generator, nginx, the bare baselines.

Everything listens on loopback, on ports that the system picks; all state is below one temporary folder. Each process ends with this one,
also where this one is killed.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import machine

BUILD = machine.ROOT / "build"
BODY_BYTES = 400

# A node on a journal of ten million commands, or a machine that swaps, still has to be ready within this.
READY_S = 60
STOP_S = 60

# The stand-in looks for requests this often at most: a third party 0.1 ms away, whose wake-ups don't use up the machine it shares.
GATHER_US = 100

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Why something could not be measured, in one sentence."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what: str, seconds: float, every: float = 0.02):
    """What condition() gives once that is true; Failed after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)


def _has_ended(pid: int) -> bool:
    """Also where nobody has reaped it yet, as process 1 of a container may never do with an orphan."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def spawn(argv: list, log: pathlib.Path, **options) -> subprocess.Popen:
    """A process that ends with this one; what it prints goes to log."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            [str(one) for one in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),
            **options,
        )


def stop(process: subprocess.Popen, seconds: float = STOP_S) -> None:
    """SIGTERM, and SIGKILL where that does not help in time."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get_json(url: str, body: dict | None = None, timeout: float = 30.0):
    """The JSON that a GET, or a POST of that body, answers; Failed where it does not."""
    data = None if body is None else json.dumps(body).encode()
    # Accept is said, because there are stores that answer in a format of their own where it is not.
    headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if data else {})}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
            return json.loads(text) if text else None
    except (OSError, ValueError) as error:
        raise Failed(f"{url}: {error}") from error


def _url_in(log: pathlib.Path, pattern: str, process: subprocess.Popen) -> str:
    """The address that a process prints once it listens."""

    def found():
        match = re.search(pattern, log.read_text(errors="replace"))
        if not match and process.poll() is not None:
            raise Failed(f"{log.name} ended with {process.returncode}: {' | '.join(log.read_text().splitlines()[-3:])}")
        return match

    return wait_until(found, f"{log.name}: {pattern}", READY_S).group(1)


class StandIn:
    """The third party."""

    def __init__(self, folder: pathlib.Path, *flags, gather_us: int = GATHER_US, log: bool = False):
        self.log = folder / "third-party.log" if log else None
        out = folder / "stand-in.out"
        out.write_text("")
        with contextlib.suppress(FileNotFoundError):
            (folder / "third-party.log").unlink()
        extra = ["--log", self.log] if log else []
        argv = [BUILD / "stand-in", "--listen", "127.0.0.1:0", "--die-with-parent", "--gather", gather_us, *extra, *flags]
        self.process = spawn(argv, out)
        self.url = _url_in(out, r"listening on (\S+)", self.process)
        self.pid = self.process.pid

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_) -> None:
        stop(self.process)

    def mood(self, **mood) -> None:
        """As POST /standin/mood has it."""
        get_json(f"{self.url}/standin/mood", mood)

    def stats(self) -> dict:
        return get_json(f"{self.url}/standin/stats")

    def lines(self):
        """(ms since 1970, outcome, Idempotency-Key, attempt, body hash, path) of each request that it was sent, once it is flushed."""
        time.sleep(0.1)
        with open(self.log, encoding="utf-8") as file:
            for line in file:
                at, outcome, key, attempt, digest, _, path = line.split()
                yield int(at), outcome, key, attempt, digest, path


def pipelines(third: str, concurrency: int = 128, destinations: int = 1, extra: str = "", retry: str = "") -> str:
    """A pipeline file: `bench` over `third`; or bench-0, bench-1 … over third-0, third-1 …"""
    retry = retry or "        delay = 1s\n        cap = 10s\n"
    text = ""
    for index in range(destinations):
        tail = f"-{index}" if destinations > 1 else ""
        text += (
            f"destination = third{tail}\n"
            f'    url = "{third}/do{tail}/{{instance}}"\n'
            f"    concurrency = {concurrency}\n    timeout = 10s\n{extra}\n"
            f'pipeline = bench{tail}\n    destination = third{tail}\n    key = "{{instance}}"\n    retry\n{retry}\n'
        )
    return text


class Node:
    """One Holdfast, all its actors. `state` is made where it is not given, and removed with the node unless keep."""

    def __init__(self, folder: pathlib.Path, pipeline_text: str, state: pathlib.Path | None = None, keep: bool = False):
        self.keep = keep
        self.state = state or folder / f"state-{time.monotonic_ns()}"
        zpl = folder / "bench.zpl"
        zpl.write_text(pipeline_text)
        out = folder / "node.out"
        out.write_text("")
        began = time.monotonic()
        argv = [BUILD / "holdfast", "up", "--state", self.state, "--http", "127.0.0.1:0", zpl]
        self.process = spawn(argv, out, env={**os.environ, "HOLDFAST_DEBUG": "1"})  # Its actors may be looked into, by us
        self.url = _url_in(out, r"ready on (\S+)", self.process)
        self.ready_s = time.monotonic() - began
        self.submit_url = f"{self.url}/pipelines/bench/commands"

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        stop(self.process)
        if not self.keep:
            shutil.rmtree(self.state, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL to all of it at once, as a power cut would have it but for the disk's cache. stop() may follow."""
        pids = [actor["pid"] for actor in self.actors().values()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: all(_has_ended(pid) for pid in pids), "the killed node is gone", 10)

    def actors(self) -> dict[str, dict]:
        """By name (call.0 and so on apart): pid and status, and the supervisor."""
        tree = json.loads((self.state / "run/supervisor.json").read_text())
        found = {"supervisor": {"pid": tree["pid"], "status": {}}}
        for actor in tree["actors"]:
            found[actor["name"]] = {"pid": actor["pid"], "status": json.loads(actor["status"] or "{}")}
        return found

    def fresh_actors(self) -> dict[str, dict]:
        """actors(), once each has said how it stands after this call was made."""
        called_ms = time.time() * 1000

        def all_spoke():
            tree = json.loads((self.state / "run/supervisor.json").read_text())
            return all(tree["written_ms"] - actor["last_beat_ms_ago"] >= called_ms for actor in tree["actors"])

        wait_until(all_spoke, "every actor says how it stands", 10)
        return self.actors()

    def cpu_seconds(self) -> dict[str, float]:
        return {name: machine.cpu_seconds(actor["pid"]) for name, actor in self.actors().items()}

    def private_mb(self) -> dict[str, float]:
        return {name: machine.private_mb(actor["pid"]) for name, actor in self.actors().items()}

    def commands(self, destination: str = "third") -> dict[str, int]:
        """How many are in each state."""
        return get_json(f"{self.url}/destinations/{destination}")["commands"]

    def open_commands(self, destination: str = "third") -> int:
        counts = self.commands(destination)
        return counts["accepted"] + counts["calling"] + counts["waiting"]

    def wait_quiet(self, seconds: float, destination: str = "third") -> None:
        """Until nothing is open any more."""
        wait_until(lambda: self.open_commands(destination) == 0, "everything accepted has ended", seconds)


def load_arguments(url: str, *, connections: int = 64, body_bytes: int = BODY_BYTES, **options) -> list[str]:
    """The load generator's command line: rate=, duration=, count=, acks=, by_second=True … as `build/load --help` names them."""
    argv = [str(BUILD / "load"), "--url", url, "--connections", str(connections), "--json"]
    if "body_file" not in options:
        argv += ["--body-bytes", str(body_bytes)]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            argv.append(flag)
        elif value is not None and value is not False:
            argv += [flag, str(value)]
    return argv


class Load:
    """The load generator at work beside us; result() waits for its end."""

    def __init__(self, url: str, **options):
        self.argv = load_arguments(url, **options)
        self.process = subprocess.Popen(
            self.argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),
        )

    def running(self) -> bool:
        return self.process.poll() is None

    def result(self) -> dict:
        out, err = self.process.communicate()
        if not out.strip():
            raise Failed(f"{' '.join(self.argv)}: {err.strip() or 'it said nothing'}")
        return json.loads(out)


def load(url: str, **options) -> dict:
    """One run of the load generator, its report."""
    return Load(url, **options).result()


# What nginx keeps in folders of its own, which only root may write to where Debian puts them.
NGINX_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextlib.contextmanager
def nginx(folder: pathlib.Path):
    """nginx that answers every POST with 202 and does nothing else; gives its url."""
    if not shutil.which("nginx") and not os.path.exists("/usr/sbin/nginx"):
        raise Failed("nginx is not there; scripts/install-packages bench")
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(
        f"worker_processes auto;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\ndaemon off;\n"
        "events { worker_connections 4096; }\n"
        "http { access_log off; keepalive_requests 100000000;\n"
        + "".join(f"  {kind}_temp_path {folder}/nginx-{kind};\n" for kind in NGINX_TEMPORARY)
        + f"  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 202; }} }} }}\n"
    )
    process = spawn([shutil.which("nginx") or "/usr/sbin/nginx", "-c", conf, "-p", folder], folder / "nginx.out")
    try:
        wait_until(lambda: _listens(port), "nginx listens", 10)
        yield f"http://127.0.0.1:{port}/x"
    finally:
        stop(process)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def disk_probe(folder: pathlib.Path, batch: int = 1, seconds: float = 1.0) -> dict:
    """Bare append and fdatasync of records of the size that a command takes, so many for each sync."""
    argv = [BUILD / "disk-probe", "--file", folder / "probe", "--batch", max(1, round(batch)), "--duration", seconds]
    done = subprocess.run([str(one) for one in argv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    return json.loads(done.stdout)


def tool(*names: str) -> str | None:
    """The first of these programs that is there."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    return None
