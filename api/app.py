"""The application: what it is made of, in the order a request meets it."""

import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, HTMLResponse, Response

from api import deps, document, errors
from api.accesslog import AccessLog
from api.frequency import Frequency
from api.front import Front
from api.head import Head
from api.limits import BodyLimit
from api.recorder import Recorder
from api.routes import (
    audits,
    changes,
    checkins,
    coverage,
    custody,
    figures,
    health,
    history,
    imports,
    organisations,
    outages,
    regions,
    reviews,
    search,
    stations,
    upkeep,
    visits,
    vocabulary,
)
from geo import clock, db, workshop
from geo.directory_shelf import Shelf
from geo.follower import Follower
from geo.settings import Settings

WEB = Path(__file__).parents[1] / "web"
ROOMS = (
    *(health, vocabulary, search, stations, changes, regions, upkeep, reviews, organisations),
    *(custody, imports, outages, history, coverage, audits, figures, checkins, visits),
)
DESCRIPTION = """The open registry of China's outdoor-worker service stations (户外劳动者服务站点).

Coordinates are longitude and latitude in decimal degrees; `crs` says in which datum, in the request and in the
answer: `wgs84` (default), `gcj02` (AMap, Tencent) or `bd09` (Baidu). Errors are RFC 9457 problems."""


def serve() -> Front:
    """What a server process runs: the hot door before the application."""
    return Front(create_app())


def create_app(settings: Settings | None = None, engine: db.Database | None = None) -> FastAPI:
    """The application over the database the settings name, followed by a directory; or over `engine`, without one."""
    settings = settings or Settings()
    logging.getLogger("yizhan").setLevel(settings.log.upper())

    app = FastAPI(
        title="Yizhan 驿站",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan_of(settings, engine),
        dependencies=[Depends(deps.strict_query)],
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
    )
    app.state.frequency, app.state.public_url = Frequency(), settings.public_url
    errors.install(app)
    for module in ROOMS:
        app.include_router(module.router)
    add_pages(app)
    add_middleware(app)
    app.openapi = lambda: document.describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def add_middleware(app: FastAPI) -> None:
    """What each request passes before it is routed; the last one here is the first it meets."""
    app.add_middleware(BodyLimit)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["ETag", "Link", "Location", "Retry-After"],
    )
    # A rider's mobile data: a page of 30 kB shrinks to 4 kB in 0.2 ms; level 9 takes half as much again.
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6)
    app.add_middleware(Head)
    app.add_middleware(AccessLog)


def lifespan_of(
    settings: Settings, engine: db.Database | None
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """What is opened only when serving begins, in each worker for itself, and closed when it ends."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.secret = settings.signing_secret()
        app.state.engine, app.state.follower = engine, None
        async with contextlib.AsyncExitStack() as stack:
            if engine is None:
                app.state.engine = stack.enter_context(db.connect(settings, serving=True))
                shelf = Shelf(settings.data_dir / "directory", app.state.secret)
                app.state.follower = Follower(app.state.engine, shelf=shelf)
                app.state.follower.start()
                stack.callback(app.state.follower.stop)
                stack.enter_context(clock.running(app.state.engine))
                stack.callback(workshop.close)
                gc.collect()  # what is there now stays, and is not looked through again: 30 ms each time, all waiting
                gc.freeze()
            app.state.recorder = Recorder(app.state.engine)
            stack.push_async_callback(app.state.recorder.close)
            yield

    return lifespan


def add_pages(app: FastAPI) -> None:
    """The map at `/`, the API's documentation at `/docs`, and the files both need, from this server alone."""

    @app.get("/", include_in_schema=False)
    def show_map() -> FileResponse:
        return FileResponse(WEB / "page" / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/audit", include_in_schema=False)
    def show_audit() -> FileResponse:
        return FileResponse(WEB / "audit" / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/docs", include_in_schema=False)
    def show_documentation() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Yizhan API",
            swagger_js_url="/vendor/swagger-ui-dist/swagger-ui-bundle.js",
            swagger_css_url="/vendor/swagger-ui-dist/swagger-ui.css",
            swagger_favicon_url="/web/favicon.svg",
        )

    for package in ("maplibre-gl", "swagger-ui-dist"):
        app.mount(f"/vendor/{package}", Files(directory=WEB / "node_modules" / package, check_dir=False))
    app.mount("/audit/web", Files(directory=WEB / "audit"))
    app.mount("/web", Files(directory=WEB / "page"))


class Files(StaticFiles):
    """Files whose every use is checked with the server, so that an upgrade never mixes old and new ones."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Add the header to what StaticFiles answers."""
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
