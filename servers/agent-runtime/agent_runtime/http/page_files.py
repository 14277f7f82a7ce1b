"""The dashboard's files, and a typed 404 for every path that is nothing."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from agent_runtime.http.wire.answers import HttpProblem, short


class Pages:
    """Serves the files of one folder at `/`; the folder may appear and vanish while we run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = StaticFiles(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file.

        Errors:  HttpProblem 404.
        """
        if scope["method"] not in ("GET", "HEAD") or not self._folder.is_dir():
            raise _nothing_here(scope)
        try:
            answer = await self._files.get_response(self._files.get_path(scope), scope)
        except (HTTPException, ValueError, OSError) as error:
            raise _nothing_here(scope) from error
        if answer.status_code == 404:  # A folder's own 404.html would not be typed.
            raise _nothing_here(scope)
        # Checked with its ETag at each visit, so that a new version of the page is seen at once.
        answer.headers["Cache-Control"] = "no-cache"
        await answer(scope, receive, send)


def _nothing_here(scope: Scope) -> HttpProblem:
    return HttpProblem(404, "not_found", f"there is nothing at {short(scope['method'])} '{short(scope['path'])}'")
