"""A small object store that speaks S3, enough of it to hold our adapter: conditional writes, multipart, copies, ranges."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

_XML = "application/xml"


@dataclass
class ObjectStore:
    """The objects of one bucket, and the uploads that are not finished."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{bucket}/{key:.+}", self._object)
        app.router.add_post("/{bucket}", self._delete_many)
        app.router.add_get("/{bucket}", self._list)
        return app

    async def _object(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if "uploads" in request.query or "uploadId" in request.query:
            return await self._multipart(request, key)
        if request.method == "PUT":
            return self._write(request, key, await request.read())
        if key not in self.objects:
            return _error(404, "NoSuchKey")
        if request.method == "DELETE":
            del self.objects[key]
            return web.Response(status=204)
        return self._read(request, self.objects[key])

    def _write(self, request: web.Request, key: str, content: bytes) -> web.Response:
        if request.headers.get("If-None-Match") == "*" and key in self.objects:
            return _error(412, "PreconditionFailed")
        self.objects[key] = content
        return web.Response(headers={"ETag": _tag(content)})

    def _read(self, request: web.Request, content: bytes) -> web.Response:
        headers = {"ETag": _tag(content), "Last-Modified": "Sat, 21 Nov 2026 12:00:00 GMT"}
        part = request.http_range
        if part.start is None and part.stop is None:
            return web.Response(body=content, headers=headers)
        chosen = content[part]
        first = part.start or 0
        headers["Content-Range"] = f"bytes {first}-{first + len(chosen) - 1}/{len(content)}"
        return web.Response(status=206, body=chosen, headers=headers)

    async def _multipart(self, request: web.Request, key: str) -> web.Response:
        upload = request.query.get("uploadId", "")
        if request.method == "POST" and not upload:
            upload = uuid4().hex
            self.uploads[upload] = {}
            return web.Response(text=f"<R><UploadId>{upload}</UploadId></R>", content_type=_XML)
        if request.method == "PUT":
            return await self._part(request, upload)
        parts = self.uploads.pop(upload)
        if request.method == "DELETE":
            return web.Response(status=204)
        written = self._write(request, key, b"".join(parts[number] for number in sorted(parts)))
        if written.status != 200:
            return written
        return web.Response(text=f"<R><ETag>{written.headers['ETag']}</ETag></R>", content_type=_XML)

    async def _part(self, request: web.Request, upload: str) -> web.Response:
        number = int(request.query["partNumber"])
        source = request.headers.get("x-amz-copy-source")
        if source is None:
            self.uploads[upload][number] = content = await request.read()
            return web.Response(headers={"ETag": _tag(content)})
        content = self.objects[unquote(source).strip("/").split("/", 1)[1]]
        self.uploads[upload][number] = content
        return web.Response(text=f"<R><ETag>{_tag(content)}</ETag></R>", content_type=_XML)

    async def _list(self, request: web.Request) -> web.Response:
        prefix = request.query.get("prefix", "")
        told = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(content)}</Size><ETag>{_tag(content)}</ETag>"
            "<LastModified>2026-11-21T12:00:00.000Z</LastModified></Contents>"
            for key, content in self.objects.items()
            if key.startswith(prefix)
        )
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>false</IsTruncated>{told}</ListBucketResult>", content_type=_XML
        )

    async def _delete_many(self, request: web.Request) -> web.Response:
        keys = [part.split("</Key>")[0] for part in (await request.text()).split("<Key>")[1:]]
        for key in keys:
            self.objects.pop(key, None)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        return web.Response(text=f"<DeleteResult>{told}</DeleteResult>", content_type=_XML)


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324  # S3's own


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type=_XML)
