"""Reading, listing and writing in stores, against real servers on loopback that fail on demand."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from scanner import stores
from scanner.atomic import replacing, write_text
from scanner.errors import BadUrl, StoreFailed
from scanner.model import UnscannedReason
from scanner.stores import Url, masked, objects, retries
from scanner.stores import web as web_module
from tests.stores.servers import Fault, Proxy, WebFiles, call

SECRET = "test-secret-that-must-not-be-shown"


def put(key: str, data: bytes) -> str:
    call("PUT", f"/lake/{key}", data)
    return f"s3://lake/{key}"


def failure(url: str) -> StoreFailed:
    with pytest.raises(StoreFailed) as caught:
        stores.read_bytes(url)
    return caught.value


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("s3://bucket/a/b.parquet", "s3://bucket/a/b.parquet"),
            ("https://ann:pass@example.com/a?X-Amz-Signature=abc#x", "https://example.com/a?…"),
            ("s3://KEY:secret@bucket/a", "s3://bucket/a"),
            ("abfs://container@account.dfs.core.windows.net/a", "abfs://container@account.dfs.core.windows.net/a"),
            ("abfs://container:sas@account/a", "abfs://account/a"),
        ],
    )
    def test_what_may_be_a_credential_is_not_shown(self, url: str, shown: str) -> None:
        assert masked(url) == shown
        assert repr(Url(url)) == "Url()"
        assert str(Url(url)) == shown

    def test_a_url_is_used_as_a_path_is(self) -> None:
        file = Url("s3://bucket/out/") / "spans" / "a.parquet"
        assert (file.full, file.name, file.stem) == ("s3://bucket/out/spans/a.parquet", "a.parquet", "a")
        assert stores.place("s3://bucket/out") == Url("s3://bucket/out")
        assert stores.place("out") == Path("out")
        assert stores.last_part("https://example.com/data/a%20b.parquet?token=x") == "a b.parquet"

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("ftp://example.com/a", "the schemes are"),
            ("s3://", "names no bucket or host"),
            ("http://example.com/a?token=x", "use https, or SCANNER_ALLOW_HTTP=1"),
        ],
    )
    def test_a_url_that_cannot_be_used_says_why(self, url: str, told: str) -> None:
        with pytest.raises(BadUrl, match=told) as caught:
            stores.open_object(url)
        assert "token" not in str(caught.value)

    @pytest.mark.parametrize(("scheme", "module", "extra"), [("gs", "gcsfs", "gcs"), ("az", "adlfs", "azure")])
    def test_a_missing_library_is_named_by_its_extra(
        self, scheme: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(BadUrl) as caught:
            stores.open_object(f"{scheme}://bucket/a.parquet")
        assert f"pip install 'training-data-privacy-scanner[{extra}]'" in str(caught.value)

    def test_no_store_is_imported_before_a_url_is_used(self) -> None:
        program = (
            "import sys, scanner.stores, scanner.shards\n"
            "print([name for name in ('s3fs', 'requests', 'aiohttp', 'botocore') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "[]\n"


class TestReading:
    def test_only_the_range_asked_for_moves(self, s3: Proxy) -> None:
        url = put("range/a", bytes(range(256)) * 100)
        s3.reset()
        found = stores.open_object(url)
        assert (found.size_bytes, found.fetch(250, 260)) == (25_600, bytes([*range(250, 256), 0, 1, 2, 3]))
        assert s3.sent_bytes() == 10

    @pytest.mark.parametrize(
        "fault", [Fault(503, "SlowDown"), Fault(500, "InternalError"), Fault(400, "RequestTimeout"), Fault(keep=0.5)]
    )
    def test_what_may_pass_is_tried_again(self, s3: Proxy, fault: Fault) -> None:
        url = put("again/a", b"data" * 1000)
        s3.reset(lambda method, path, before: fault if method == "GET" and before < 3 else None)
        assert stores.read_bytes(url) == b"data" * 1000
        assert len([one for one in s3.seen if one.method == "GET"]) == 4

    @pytest.mark.parametrize(
        ("fault", "told"),
        [(Fault(503, "SlowDown"), "failed 4 times, last with status 503"), (Fault(keep=0.5), "cuts answers short")],
    )
    def test_what_never_passes_is_given_up(self, s3: Proxy, fault: Fault, told: str) -> None:
        url = put("never/a", b"data" * 1000)
        s3.reset(lambda method, path, before: fault if method == "GET" else None)
        error = failure(url)
        assert (error.reason, error.place) == (UnscannedReason.UNREADABLE, url)
        assert told in error.what
        assert len([one for one in s3.seen if one.method == "GET"]) == retries.ATTEMPTS

    @pytest.mark.parametrize("fault", [Fault(403, "AccessDenied"), Fault(400, "ExpiredToken")])
    def test_a_refusal_is_told_at_once_and_without_secrets(self, s3: Proxy, fault: Fault) -> None:
        url = put("refused/a", b"data")
        s3.reset(lambda method, path, before: fault if method == "GET" else None)
        error = failure(url)
        assert "credentials are missing, wrong or expired" in error.what
        assert SECRET not in str(error)
        assert len([one for one in s3.seen if one.method == "GET"]) == 1

    def test_an_object_that_changes_is_never_mixed(self, s3: Proxy) -> None:
        url = put("changed/a", b"old" * 100)
        found = stores.open_object(url)
        assert found.fetch(0, 3) == b"old"
        put("changed/a", b"new" * 100)
        for attempt in (lambda: found.fetch(3, 6), found.check):
            with pytest.raises(StoreFailed) as caught:
                attempt()
            assert caught.value.reason is UnscannedReason.CHANGED

    def test_an_object_that_vanishes_is_told(self, s3: Proxy) -> None:
        url = put("gone/a", b"old" * 100)
        found = stores.open_object(url)
        call("DELETE", "/lake/gone/a")
        for attempt in (lambda: found.fetch(3, 6), found.check, lambda: stores.open_object(url)):
            with pytest.raises(StoreFailed, match="is not there, or not any more"):
                attempt()

    def test_slow_bodies_are_waited_for(self, s3: Proxy) -> None:
        url = put("slow/a", b"data")
        s3.reset(lambda method, path, before: Fault(wait_seconds=0.3))
        assert stores.read_bytes(url) == b"data"

    def test_a_body_that_stands_still_is_tried_again(self, s3: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(objects, "READ_SECONDS", 0.4)
        url = put("still/a", b"data")
        s3.reset(lambda method, path, before: Fault(wait_seconds=1.5) if method == "GET" and not before else None)
        assert stores.read_bytes(url) == b"data"


class TestListing:
    def test_a_listing_goes_page_by_page(self, s3: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(objects, "PAGE_OBJECTS", 3)
        names = [f"{number:02}" for number in range(11)]
        for name in names:
            put(f"many/{name}", b"")
        s3.reset()
        listing = stores.listing("s3://lake/many")
        assert next(listing) == "00"
        assert len(s3.seen) == 1, "a second page was asked for before the first was used"
        assert ["00", *listing] == names
        assert list(stores.listing("s3://lake/many", "1")) == ["10"]

    def test_a_page_that_fails_is_an_error_and_no_shorter_listing(self, s3: Proxy) -> None:
        put("page/a", b"")
        s3.reset(lambda method, path, before: Fault(503, "SlowDown"))
        with pytest.raises(StoreFailed, match="failed 4 times"):
            list(stores.listing("s3://lake/page"))

    def test_folders_files_and_nothing_are_told_apart(self, s3: Proxy) -> None:
        put("kinds/a", b"x")
        assert [stores.is_folder(f"s3://lake/{path}") for path in ("kinds", "kinds/", "kinds/a", "none", "")] == [
            True,
            True,
            False,
            None,
            True,
        ]


class TestWriting:
    def test_an_object_is_put_whole(self, s3: Proxy, tmp_path: Path) -> None:
        out = Url("s3://lake/written")
        write_text(out / "a.json", "old")
        write_text(out / "a.json", "new")
        assert stores.read_bytes((out / "a.json").full) == b"new"
        with pytest.raises(ZeroDivisionError), replacing(out / "a.json") as draft:  # noqa: PT012
            draft.write_text("half")
            raise ZeroDivisionError
        assert stores.read_bytes((out / "a.json").full) == b"new"
        assert not draft.exists()
        local = tmp_path / "copy"
        stores.get_file((out / "a.json").full, local)
        assert local.read_bytes() == b"new"

    def test_a_large_object_goes_in_parts_and_is_tried_again(self, s3: Proxy, tmp_path: Path) -> None:
        data = b"0123456789abcdef" * (1 << 20)
        (tmp_path / "large").write_bytes(data)
        s3.reset(lambda method, path, before: Fault(503, "SlowDown") if before < 1 else None)
        stores.put_file(tmp_path / "large", "s3://lake/large")
        s3.reset()
        assert stores.sha256("s3://lake/large") == hashlib.sha256(data).hexdigest()

    def test_removing_twice_is_no_error(self, s3: Proxy) -> None:
        url = put("removed/a", b"x")
        stores.remove(url)
        stores.remove(url)
        assert stores.is_folder(url) is None

    @pytest.mark.parametrize("url", ["https://example.com/a", "hf://datasets/a/b"])
    def test_what_can_only_be_read_says_so(self, url: str, tmp_path: Path) -> None:
        with pytest.raises(BadUrl, match="can only be read"):
            write_text(Url(url), "x")


class TestWeb:
    @pytest.mark.parametrize("tells", [("ETag",), ("Last-Modified",)])
    def test_ranges_are_read_and_no_more(self, web: tuple[WebFiles, str], tells: tuple[str, ...]) -> None:
        files, address = web
        files.files["/a"], files.tells = bytes(range(256)) * 1000, tells
        found = stores.open_object(f"{address}/a?token=x")
        assert (found.size_bytes, found.fetch(1, 4)) == (256_000, b"\x01\x02\x03")
        assert files.seen == [("/a", "bytes=0-3"), ("/a", "bytes=1-3")]

    @pytest.mark.parametrize("tells", [(), ("ETag",)])
    def test_without_ranges_or_version_a_small_file_is_read_whole(
        self, web: tuple[WebFiles, str], tells: tuple[str, ...]
    ) -> None:
        files, address = web
        files.files["/a"], files.ranges, files.tells = b"0123456789", not tells, tells
        found = stores.open_object(f"{address}/a")
        files.files["/a"] = b"9876543210"
        assert (found.size_bytes, found.fetch(2, 5)) == (10, b"234")
        assert found.version == f"sha256:{hashlib.sha256(b'0123456789').hexdigest()}"

    def test_without_ranges_a_large_file_is_refused(
        self, web: tuple[WebFiles, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files, address = web
        files.files["/a"], files.ranges = b"0" * 1000, False
        monkeypatch.setattr(web_module, "WHOLE_BYTES", 999)
        assert "copy it first" in failure(f"{address}/a?token=x").what

    def test_a_file_that_changes_is_never_mixed(self, web: tuple[WebFiles, str]) -> None:
        files, address = web
        files.files["/a"] = b"0123456789"
        found = stores.open_object(f"{address}/a")
        files.files["/a"] = b"9876543210"
        with pytest.raises(StoreFailed) as caught:
            found.fetch(2, 5)
        assert caught.value.reason is UnscannedReason.CHANGED

    def test_redirects_lead_to_safe_urls_alone(self, web: tuple[WebFiles, str]) -> None:
        files, address = web
        files.files["/a"] = b"0123456789"
        files.redirects = {"/near": "/a", "/far": "http://example.com/a?secret=x", "/round": "/round"}
        assert stores.read_bytes(f"{address}/near") == b"0123456789"
        with pytest.raises(BadUrl, match="use https") as caught:
            stores.read_bytes(f"{address}/far")
        assert "secret" not in str(caught.value)
        assert "without end" in failure(f"{address}/round").what
        assert "is not there" in failure(f"{address}/none").what


class _Fake(MemoryFileSystem):  # type: ignore[misc]
    """A file system of fsspec in place of a cloud's, which keeps objects in memory and tells no bucket."""

    protocol = ("gs", "az")
    store: ClassVar[dict[str, object]] = {}

    def info(self, path: str, **options: object) -> dict[str, object]:
        found: dict[str, object] = super().info(path, **options)
        return {**found, "etag": f"{found.get('created')}"}


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_other_stores_go_through_fsspec(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the road to fsspec: Google's and Azure's own libraries are not part of the tests."""
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda name: {"gs": _Fake, "az": _Fake}[name])
    out = Url(f"{scheme}://bucket/out")
    write_text(out / "deep" / "a.json", "text")
    write_text(out / "b.json", "text")
    assert sorted(stores.listing(out.full)) == ["b.json", "deep/a.json"]
    assert stores.read_bytes((out / "deep" / "a.json").full) == b"text"
    assert [stores.is_folder(url.full) for url in (out, out / "b.json", out / "c")] == [True, False, None]
