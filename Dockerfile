# The API in one image; PostGIS is another container (docker-compose.yml).

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/yizhan
COPY requirements.txt ./
RUN /opt/yizhan/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# .gitignore too: it keeps the wheel to what it should hold.
COPY pyproject.toml LICENSE .gitignore ./
COPY api api
COPY geo geo
COPY migrations migrations
COPY examples examples
COPY web web
COPY --from=web /src/web/node_modules web/node_modules
RUN /opt/yizhan/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/yizhan --create-home yizhan
COPY --from=build /opt/yizhan /opt/yizhan
ENV PATH=/opt/yizhan/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    YIZHAN_DATA_DIR=/var/lib/yizhan
USER 10001
WORKDIR /var/lib/yizhan
VOLUME /var/lib/yizhan
EXPOSE 8000
ENTRYPOINT ["yizhan"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
