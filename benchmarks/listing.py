"""Memory and time of listing a million objects: `python benchmarks/listing.py --objects 1000000`.

A server on loopback makes pages of S3's ListObjectsV2 as they are asked for, and holds none. Three things are measured
in processes of their own: nothing but the libraries, the listing streamed and let go, and `shards.find`, which keeps
the names.
"""

from __future__ import annotations

import argparse
import http.server
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

PAGE = 1000
KINDS = ("libraries", "stream", "find")


class _Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects = 0

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        start = int(asked.get("continuation-token", ["0"])[0])
        stop = min(start + PAGE, self.objects)
        entries = "".join(
            f"<Contents><Key>data/day={number % 365:03}/part-{number:09}.parquet</Key><Size>1</Size>"
            f"<ETag>&quot;{number:032x}&quot;</ETag><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for number in range(start, stop)
        )
        more = f"<IsTruncated>{str(stop < self.objects).lower()}</IsTruncated>"
        token = f"<NextContinuationToken>{stop}</NextContinuationToken>" if stop < self.objects else ""
        self._answer(f"<ListBucketResult><Name>lake</Name>{more}{token}{entries}</ListBucketResult>".encode())

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def _measure(kind: str) -> None:
    """Do one thing and print what it took."""
    from scanner import shards, stores
    from scanner.stores import objects

    objects._located("s3://lake/data")
    began = time.monotonic()
    count = 0
    if kind == "stream":
        count = sum(1 for _ in stores.listing("s3://lake/data"))
    if kind == "find":
        count = len(shards.find(["s3://lake/data"]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{kind}: {count} objects, {time.monotonic() - began:.0f} s, peak {peak:.0f} MiB", flush=True)


def main() -> None:
    """Start the server and measure each kind in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.kind:
        _measure(given.kind)
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Pages", (_Pages,), {"objects": given.objects}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for kind in KINDS:
        subprocess.run([sys.executable, __file__, "--kind", kind], env=environment, check=True)
    server.shutdown()


if __name__ == "__main__":
    main()
