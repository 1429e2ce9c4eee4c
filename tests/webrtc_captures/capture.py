#!/usr/bin/env python3
"""Makes captures of WebRTC statistics with a headless Chromium, such as those in tests/data/webrtc: a call of two peer connections in one page.

    tests/webrtc_captures/capture.py CASE FILE [--samples N] [--browser PATH]

CASE is one of those in page.html (clean, inactive-sendonly). It needs Python, Chromium (Debian: `apt-get install chromium`) and a network
interface that is up and no loopback; nothing leaves the machine. One sample a second. The file is

    {"ua": user agent, "t0": start, "ev": [[connection, event, value, time], …], "out": [{"t": time, "a": {id: object}, "b": {…}}, …]}

with times in milliseconds since the Unix epoch and one sample a line. Addresses, certificates and ICE credentials are replaced.
"""

import argparse
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading

PAGE = pathlib.Path(__file__).with_name("page.html")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-gpu",
    "--no-first-run",
]
# From start to the page's answer, beside the seconds that are captured.
PATIENCE_S = 60


class Failed(Exception):
    """Why there is no capture."""


def serve(answers):
    """A server for the page alone; what it posts goes to `answers` as (path, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            is_page = self.path.startswith("/?")
            body = PAGE.read_bytes() if is_page else b""
            self.send_response(200 if is_page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            answers.put((self.path, body.decode()))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def capture(browser, case, samples):
    """What the page captured."""
    answers = queue.Queue()
    server = serve(answers)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        url = f"http://127.0.0.1:{server.server_port}/?case={case}&samples={samples}"
        command = [browser, *FLAGS, f"--user-data-dir={profile}", url]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            path, body = answers.get(timeout=samples + PATIENCE_S)
        except queue.Empty:
            raise Failed(f"{browser} did not answer within {samples + PATIENCE_S} s: does it start by itself, and is an "
                         "interface other than loopback up?") from None
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
    if path != "/captured":
        raise Failed(f"the page failed: {body}")
    return json.loads(body)


class Redaction:
    """Replaces what names a machine, the same value always by the same one."""

    def __init__(self):
        self.known = {}

    def of(self, kind, value, form):
        known = self.known.setdefault(kind, {})
        return known.setdefault(value, form(len(known) + 1))

    def address(self, value):
        # Those that name nobody stay, and so does the family.
        if value in ("", "0.0.0.0", "::") or value.endswith(".local"):
            return value
        if ":" in value:
            return self.of("v6", value, lambda number: f"2001:db8::{number}")
        return self.of("v4", value, lambda number: f"192.0.2.{number}")

    def certificate(self, stat_id):
        return self.of("certificate", stat_id, lambda number: f"CF{number:02X}:" + ":".join(["00"] * 31))

    def apply(self, stat):
        for name in ("address", "ip", "relatedAddress"):
            if stat.get(name) is not None:
                stat[name] = self.address(stat[name])
        for name in ("usernameFragment", "iceLocalUsernameFragment"):
            if name in stat:
                stat[name] = self.of("fragment", stat[name], lambda number: f"uf{number:02}")
        for name in ("localCertificateId", "remoteCertificateId", "issuerCertificateId"):
            if name in stat:
                stat[name] = self.certificate(stat[name])
        if stat["type"] == "certificate":
            stat["id"] = self.certificate(stat["id"])
            stat["fingerprint"] = stat["id"][2:]
            stat["base64Certificate"] = "redacted"
        return stat


def redacted(captured):
    redaction = Redaction()
    for sample in captured["out"]:
        for side in ("a", "b"):
            stats = [redaction.apply(stat) for stat in sample[side].values()]
            sample[side] = {stat["id"]: stat for stat in stats}
    return captured


def write(captured, path):
    def compact(value):
        return json.dumps(value, separators=(",", ":"))

    head = ",\n".join(f"{compact(name)}:{compact(captured[name])}" for name in ("ua", "t0", "ev"))
    samples = ",\n".join(compact(sample) for sample in captured["out"])
    path.write_text(f'{{{head},\n"out":[\n{samples}\n]}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    asked = parser.parse_args()
    if asked.browser is None:
        raise Failed("no Chromium: install it (Debian: apt-get install chromium), or give --browser PATH")
    write(redacted(capture(asked.browser, asked.case, asked.samples)), asked.file)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"capture.py: {failure}")
