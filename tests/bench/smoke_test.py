"""The harness works: a quick run of every experiment that needs nothing to be installed, and what it leaves is whole.

No time and no rate is checked: where tests run, others do too.
"""

import concurrent.futures
import html.parser
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = [sys.executable, "-B", ROOT / "bench"]
TOLD = {"capture_output": True, "text": True, "check": False}
# A run of each list: all at once, for in a quick run an experiment mostly waits. Each takes some twelve seconds alone.
LISTS = [["carry", "idle", "accept"], ["simulate", "destinations"], ["latency", "outage", "backlog"]]
WITH_NGINX = {"accept"}
VOID = {"meta", "br", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    """Whether every element is closed where it should be, and whether anything is fetched from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids, self.drawings = [], [], set(), 0

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        self.ids.add(found.get("id"))
        self.drawings += tag == "svg"
        self.wrong += [value for name, value in attributes if name in ("src", "href") and not value.startswith("#")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def handle_startendtag(self, tag, attributes):
        pass


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        left_out = set() if shutil.which("nginx") or pathlib.Path("/usr/sbin/nginx").exists() else WITH_NGINX
        lists = [[name for name in names if name not in left_out] for names in LISTS]
        cls.names = [name for names in lists for name in names]
        cls.folder = tempfile.TemporaryDirectory(prefix="holdfast-bench-smoke-")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            cls.done = list(pool.map(cls._bench, range(len(lists)), lists))
        for file in pathlib.Path(cls.folder.name).glob("*/*.json"):
            shutil.move(file, cls.folder.name)
        cls.done.append(subprocess.run([*BENCH, "--report", "--results", cls.folder.name], **TOLD, timeout=60))

    @classmethod
    def _bench(cls, number: int, names: list) -> subprocess.CompletedProcess:
        results = pathlib.Path(cls.folder.name) / str(number)
        return subprocess.run([*BENCH, "--quick", "--results", results, *names], **TOLD, timeout=170)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def _result(self, name: str) -> dict:
        return json.loads((pathlib.Path(self.folder.name) / f"{name}.json").read_text())

    def test_every_experiment_was_measured(self):
        for done in self.done:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name in self.names:
            result = self._result(name)
            self.assertNotIn("failed", result)
            self.assertTrue(result["quick"])
            for key in ("asks", "how", "command", "began", "machine", "raw"):
                self.assertTrue(result[key], f"{name}: {key}")
            self.assertTrue(result["tables"] and all(one["rows"] for one in result["tables"]), name)
            self.assertTrue(result["plots"], name)
            for one in result["tables"]:
                self.assertEqual({len(row) for row in one["rows"]}, {len(one["columns"])}, one["title"])

    def test_what_was_acknowledged_arrived(self):
        arrived = self._result("carry")["raw"]["latency"]
        self.assertGreater(arrived["acknowledged"], 0)
        self.assertEqual((arrived["lost"], arrived["altered"]), (0, 0))

    def test_the_page_is_whole_and_needs_nothing_else(self):
        page = Page()
        page.feed((pathlib.Path(self.folder.name) / "report.html").read_text())
        self.assertEqual((page.open, page.wrong), ([], []))
        self.assertLessEqual(set(self.names), page.ids)
        self.assertGreaterEqual(page.drawings, len(self.names))

    def test_the_targets_are_printed_without_a_verdict(self):
        for done in self.done:
            self.assertIn("quick run", done.stdout)
            self.assertNotIn("goal met", done.stdout)


class Usage(unittest.TestCase):
    def _run(self, *argv):
        return subprocess.run([*BENCH, *argv], **TOLD, timeout=60)

    def test_an_unknown_experiment_is_wrong_usage(self):
        done = self._run("acept")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'acept'", done.stderr)

    def test_the_experiments_are_listed_with_what_they_ask(self):
        done = self._run("--list")
        self.assertEqual(done.returncode, 0)
        modules = {path.stem for path in (ROOT / "bench/experiments").glob("*.py")} - {"__init__"}
        self.assertEqual({line.split()[0] for line in done.stdout.splitlines()}, modules)


if __name__ == "__main__":
    unittest.main()
