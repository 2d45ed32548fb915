# Eventlane with its embedded PostgreSQL, as an ordinary user. Everything it writes is in the volume /data.
FROM python:3.13-slim-bookworm

# bubblewrap isolates local tasks; git and make aren't needed to run.
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/eventlane
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY manage.py ./
COPY platform platform
COPY projects projects
COPY pipelines pipelines
COPY events events

RUN useradd --system --user-group --home-dir /data --shell /usr/sbin/nologin eventlane \
    && install -d -o eventlane -g eventlane -m 0711 /data
USER eventlane

ENV EVENTLANE_HOME=/data \
    EVENTLANE_BIND=0.0.0.0:8000 \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/v0/status', timeout=4)"]
CMD ["python", "manage.py", "up"]
