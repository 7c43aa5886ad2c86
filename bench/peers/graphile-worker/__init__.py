"""graphile-worker on PostgreSQL."""

import os
import pathlib
import shutil
import tempfile

from ..peer import READY_S, Peer, Running, Unavailable, run, says, wait_until


def _bin() -> str:
    for version in ("17", "16", "15"):
        if os.path.exists(f"/usr/lib/postgresql/{version}/bin/postgres"):
            return f"/usr/lib/postgresql/{version}/bin"
    raise Unavailable("there is no PostgreSQL in /usr/lib/postgresql")


def _let_through(directory: pathlib.Path) -> None:
    """Lets another user pass to what is in this directory; only folders below the temporary one are changed for that."""
    temporary = pathlib.Path(tempfile.gettempdir()).resolve()
    for folder in (directory, *directory.parents):
        mode = folder.stat().st_mode
        if mode & 0o001:
            continue
        if temporary not in folder.parents:
            raise Unavailable(f"the user postgres can't pass through {folder}; start it below {temporary}")
        folder.chmod(mode | 0o011)


class GraphileWorker(Peer):
    name = "graphile-worker"
    title = "graphile-worker on PostgreSQL, synchronous_commit on, behind Fastify"
    packages = ("postgresql",)
    configuration = ("postgresql.conf", "database.mjs", "accept.mjs", "worker.mjs")
    accepted = "The transaction with the job has committed: its record's fdatasync in the write-ahead log has returned."
    kill_9 = "Nothing acknowledged. Jobs of a killed worker stay locked for 4 h, unless the next one unlocks them, as this one does."
    power_cut = "Nothing acknowledged: COMMIT returns after the write-ahead log's fdatasync (fsync, synchronous_commit and full_page_writes on)."

    def store_versions(self) -> dict[str, str]:
        return {"postgresql": run([f"{_bin()}/postgres", "--version"]).split()[2]}

    def start_store(self, running: Running) -> None:
        # PostgreSQL refuses to run as root; Debian's package has made it a user.
        user = "postgres" if os.geteuid() == 0 else None
        data = running.folder("postgres")
        port = str(running.port("store"))
        if user:
            shutil.chown(data, user, user)
            data.chmod(0o700)
            _let_through(running.directory)
        if not (data / "PG_VERSION").exists():
            run([f"{_bin()}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"], user=user, cwd="/")
        config = running.directory / "postgresql.conf"
        config.write_text((self.folder / "postgresql.conf").read_text())
        argv = [f"{_bin()}/postgres", "-D", str(data), "-c", f"config_file={config}", "-c", f"port={port}"]
        running.spawn("store", argv, user=user, cwd="/")
        is_ready = [f"{_bin()}/pg_isready", "-h", "127.0.0.1", "-p", port]
        wait_until(lambda: says(is_ready, "accepting"), "PostgreSQL answers", READY_S)


PEER = GraphileWorker()
