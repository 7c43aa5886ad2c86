"""The interface of a peer, and the processes of one that runs.

A peer is stateless: what it is, how it is installed and started. Running is one start of it: a store (none for the synchronous
service), and the Node services before and behind it. Everything listens on 127.0.0.1, on free ports that a start in the same
directory finds again; all state is in the directory that start() was given.

The processes end with the thread that started them (PR_SET_PDEATHSIG), so that a benchmark that is killed leaves none behind: call
start() from a thread that lives as long as they shall.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import machine
import world
from world import free_port, wait_until

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("HOLDFAST_PEERS_CACHE", machine.ROOT / ".cache" / "peers"))

# How long a store or a service may take until it answers: RabbitMQ's virtual machine needs 15 s of an idle core.
READY_S = 90.0
# How long a process may take to end when asked, before it is killed.
STOP_S = 15.0
# How long its own children may outlive it: PostgreSQL's, for one, notice by themselves.
ORPHANS_S = 2.0
# One try of an installing command; a package mirror that hangs must not hang a benchmark.
INSTALL_S = 600


class Unavailable(world.Failed):
    """Why this peer can't be had on this machine, in one sentence."""


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    """A process's /proc/PID/stat from its state on; [] where it has ended (what only its parent has not noticed has ended too)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] == "Z" else fields


def _born(pid: int) -> str:
    """When a process started, which tells it from a later one of the same number; "" where there is none."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def tree(pid: int) -> list[int]:
    """pid and all its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        fields = _stat(int(entry)) if entry.isdigit() else []
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        if _stat(one):
            found.append(one)
        queue += children.get(one, [])
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time, user and system, of pid, its living descendants, and their children that have ended."""
    ticks = sum(int(field) for one in tree(pid) for field in _stat(one)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def install_packages(*packages: str) -> None:
    """Debian packages, with apt, where they are missing. No service of theirs is started (policy-rc.d)."""
    missing = [one for one in packages if not _is_installed(one)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Unavailable(f"needs root for: apt-get install {' '.join(missing)}")
    if not shutil.which("apt-get"):
        raise Unavailable(f"this is no Debian; needs what these packages hold: {' '.join(missing)}")
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        install = ["apt-get", "-q", "-y", "install", "--no-install-recommends", *missing]
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        try:
            run(install, env=env)
        except Unavailable:  # Package lists may be old or missing
            run(["apt-get", "-q", "update"], env=env)
            run(install, env=env)
    finally:
        if ours:
            policy.unlink()


def _is_installed(package: str) -> bool:
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package], capture_output=True, text=True, check=False
    ) if shutil.which("dpkg-query") else None
    return query is not None and query.stdout.startswith("ii")


def run(argv: list[str], **options) -> str:
    """What a command prints; Unavailable with its last words where it fails."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=INSTALL_S, stdin=subprocess.DEVNULL, **options
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Unavailable(f"{' '.join(argv[:4])} … failed: {lines[-1] if lines else 'it does not say why'}")
    return done.stdout


def says(argv: list[str], word: str) -> bool:
    """Whether a command succeeds and prints that word."""
    try:
        return word in run(argv)
    except Unavailable:
        return False


class Peer:
    """What a peer is. A subclass for each fills in the class attributes and the methods that raise NotImplementedError."""

    name = ""  # Its folder's
    title = ""  # "BullMQ on Redis, appendfsync always"
    packages: tuple[str, ...] = ()  # Debian's
    configuration: tuple[str, ...] = ()  # Files in its folder that a reader checks the set-up by
    id_name = "id"  # The field of the 202's JSON that holds the command's id
    accept_processes = 1  # Of accept.mjs, on one port (node:cluster); 0: the store has an HTTP front of its own
    worker_processes = 1  # Of worker.mjs
    accepted = ""  # What its 202 means
    kill_9 = ""  # What a SIGKILL of any of its processes can lose
    power_cut = ""  # What a power cut can lose, and why
    recovers_within_s = 60.0  # Work in hand when its worker was killed is taken up again within that time

    @property
    def folder(self) -> pathlib.Path:
        return HERE / self.name

    @property
    def cache(self) -> pathlib.Path:
        """Where its npm packages are, beside a copy of its folder."""
        return CACHE / self.name

    def install(self) -> None:
        """Everything that it needs; quick where all is there. Unavailable says why it can't be had."""
        install_packages(*self.packages)
        self.install_modules()

    def install_modules(self) -> None:
        """The npm packages of its package.json, unless just these are there."""
        if not shutil.which("node") or not shutil.which("npm"):
            raise Unavailable("needs node (20 or later) and npm")
        self.cache.mkdir(parents=True, exist_ok=True)
        wanted = (self.folder / "package.json").read_text()
        stamp = self.cache / "installed.json"
        if not stamp.exists() or stamp.read_text() != wanted:
            (self.cache / "package.json").write_text(wanted)
            npm = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"]
            run(npm, cwd=self.cache)
            stamp.write_text(wanted)

    def versions(self) -> dict[str, str]:
        """Of the store, of node, and of each npm package that it names."""
        found = {**self.store_versions(), "node": run(["node", "--version"]).strip().removeprefix("v")}
        for package in json.loads((self.folder / "package.json").read_text())["dependencies"]:
            manifest = self.cache / "node_modules" / package / "package.json"
            found[package] = json.loads(manifest.read_text())["version"]
        return found

    def store_versions(self) -> dict[str, str]:
        """Of the programs that are not npm's."""
        raise NotImplementedError

    def start(self, directory, standin_url: str) -> "Running":
        """Runs it, with its state in that directory (made where missing; what an earlier start left there is taken up), and calls
        POST standin_url for each command. Returns when it accepts commands. Unavailable where it does not come up."""
        running = Running(self, pathlib.Path(directory), standin_url)
        try:
            running.revive()
        except BaseException:
            running.stop()
            raise
        return running

    def start_store(self, running: "Running") -> None:
        """Spawns the store with running.spawn("store", …) and returns when it is ready to be used."""

    def environment(self, running: "Running") -> dict[str, str]:
        """What its services are told besides ACCEPT_PORT and THIRD_PARTY: where the store is, which listens on the port "store"."""
        return {"STORE_PORT": str(running.port("store"))}

    def accept_url(self, running: "Running") -> str:
        """Where commands are sent by POST."""
        return f"http://127.0.0.1:{running.port('accept')}/commands"

    def pending(self, running: "Running") -> int:
        """Commands that were accepted and have not been carried to their recorded end."""
        return int(world.get_json(f"http://127.0.0.1:{running.port('accept')}/pending")["pending"])

    def unrecorded(self, running: "Running") -> int:
        """As pending(), by the store's own word alone, whatever that costs: for the check, not while something is measured."""
        return self.pending(running)

    def settle(self, running: "Running") -> None:
        """Called once its processes run: whatever its users do once after a deployment."""


class Running:
    """One start of a peer. `with` stops it at the end."""

    def __init__(self, peer: Peer, directory: pathlib.Path, standin_url: str):
        self.peer = peer
        self.directory = directory.resolve()
        self.standin_url = standin_url
        self.uncounted = ""  # Why its store could not be asked last
        self._processes: list[tuple[str, str, subprocess.Popen]] = []  # role, role and number, process
        self.directory.mkdir(parents=True, exist_ok=True)
        self._ports_file = self.directory / "ports.json"
        self._ports = json.loads(self._ports_file.read_text()) if self._ports_file.exists() else {}

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def accept_url(self) -> str:
        return self.peer.accept_url(self)

    def port(self, name: str) -> int:
        """The port of that name: a free one, the same for every start in this directory."""
        if name not in self._ports:
            self._ports[name] = free_port()
            self._ports_file.write_text(json.dumps(self._ports))
        return self._ports[name]

    def folder(self, name: str) -> pathlib.Path:
        """A folder below the directory, made where missing."""
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def spawn(self, role: str, argv: list, *, name: str = "", env=None, cwd=None, user=None) -> subprocess.Popen:
        """A process of this start; what it prints goes to NAME.log in the directory."""
        name = name or role
        options = {"cwd": cwd or self.directory, "env": {**os.environ, **(env or {})}, "start_new_session": True}
        if user:
            options |= {"user": user, "group": user, "extra_groups": []}
        process = world.spawn(argv, self.directory / f"{name}.log", **options)
        self._processes.append((role, name, process))
        return process

    def revive(self) -> None:
        """Starts what does not run, as a service manager would: at first everything, after a kill what was killed or gave up."""
        self._processes = [one for one in self._processes if one[2].poll() is None]
        roles = {role for role, _, _ in self._processes}
        if "store" not in roles:
            self.peer.start_store(self)
        names = {name for _, name, _ in self._processes}
        scripts = self._copy_scripts()
        env = {
            "ACCEPT_PORT": str(self.port("accept")),
            "THIRD_PARTY": self.standin_url,
            "NODE_ENV": "production",
            **self.peer.environment(self),
        }
        accepts = self.peer.accept_processes
        if accepts and "accept" not in names:
            how = ["accept.mjs"] if accepts == 1 else ["cluster.mjs", "accept.mjs", str(accepts)]
            self.spawn("accept", ["node", *how], env=env, cwd=scripts)
        for number in range(self.peer.worker_processes):
            name = f"worker-{number}"
            if name not in names:
                self.spawn("worker", ["node", "worker.mjs"], name=name, env={**env, "WORKER": name}, cwd=scripts)
        self._wait_ready()
        self.peer.settle(self)

    def _copy_scripts(self) -> pathlib.Path:
        """Copies the scripts to where their node_modules are, since Node looks for these beside a script; each replaced at once."""
        self.peer.cache.mkdir(parents=True, exist_ok=True)
        for source in [*(HERE / "node").glob("*.mjs"), *self.peer.folder.glob("*.mjs")]:
            target = self.peer.cache / source.name
            if not target.exists() or target.read_bytes() != source.read_bytes():
                with tempfile.NamedTemporaryFile(dir=self.peer.cache, delete=False) as copy:
                    copy.write(source.read_bytes())
                os.replace(copy.name, target)
        return self.peer.cache

    def _wait_ready(self) -> None:
        def ready() -> bool:
            for _, name, process in self._processes:
                if process.poll() is not None:
                    raise Unavailable(f"{name} ended with {process.returncode}: {self.last_words(name)}")
            return listens(self.port("accept"))

        wait_until(ready, f"{self.peer.name} accepts commands", READY_S)

    def last_words(self, name: str) -> str:
        """The last lines of a process's log."""
        lines = (self.directory / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-5:]) or "it printed nothing"

    def pids(self) -> dict[str, list[int]]:
        """By role (store, accept, worker …): every process of this start that is alive, descendants too."""
        found: dict[str, list[int]] = {}
        for role, _, process in self._processes:
            if process.poll() is None:
                found.setdefault(role, []).extend(tree(process.pid))
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time by role, user and system, since the processes that are alive were started."""
        found: dict[str, float] = {}
        for role, _, process in self._processes:
            if process.poll() is None:
                found[role] = found.get(role, 0.0) + cpu_seconds(process.pid)
        return found

    def pending(self) -> int:
        """Accepted and not at their recorded end; -1 where that can't be said now, and uncounted says why. Counting a backlog costs
        some stores much."""
        return self._counted(self.peer.pending)

    def unrecorded(self) -> int:
        """The same by the store's own word alone, which may take seconds."""
        return self._counted(self.peer.unrecorded)

    def _counted(self, count) -> int:
        try:
            self.uncounted = ""
            return count(self)
        except (world.Failed, OSError, ValueError, KeyError) as error:
            self.uncounted = str(error)
            return -1

    def kill(self, *roles: str) -> None:
        """SIGKILL to every process of these roles at once (none named: of all), and waits for their end."""
        doomed = [process for role, _, process in self._processes if not roles or role in roles]
        for pid in [pid for process in doomed for pid in tree(process.pid)]:
            _signal(pid, signal.SIGKILL)
        for process in doomed:
            process.wait()

    def stop(self) -> None:
        """Ends everything, services first, and returns when all have ended. Stopping twice is no mistake."""
        for store in (False, True):
            some = [process for role, _, process in self._processes if (role == "store") == store and process.poll() is None]
            members = {pid: _born(pid) for process in some for pid in tree(process.pid)}
            for process in some:
                _signal(process.pid, signal.SIGTERM)
            until = time.monotonic() + STOP_S
            for process in some:
                try:
                    process.wait(max(0.0, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    _signal(process.pid, signal.SIGKILL)
                    process.wait()
            _end_orphans(members)
        self._processes = []


def _end_orphans(members: dict[int, str]) -> None:
    """Waits a moment for what a process that has ended left behind of its own children, and kills the rest."""
    until = time.monotonic() + ORPHANS_S
    left = [pid for pid, born in members.items() if born and _born(pid) == born]
    while left and time.monotonic() < until:
        time.sleep(0.02)
        left = [pid for pid in left if _born(pid) == members[pid]]
    for pid in left:
        _signal(pid, signal.SIGKILL)
    world.wait_until(lambda: all(_born(pid) != members[pid] for pid in left), "the killed orphans are gone", STOP_S)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
