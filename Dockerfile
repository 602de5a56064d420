# Two images from one build: `docker build --target control .` and `docker build --target host .`
FROM debian:12-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CLOUDWEB_VAR=/var/lib/cloudweb \
    PATH=/srv/cloudweb/.venv/bin:$PATH
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 ca-certificates libvirt0 redis-tools \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/cloudweb

# The Python environment, with the compiler libvirt's binding needs; neither stays in the images.
FROM base AS environment
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv python3-dev gcc pkg-config libvirt-dev
COPY requirements.txt .
RUN python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --no-deps -r requirements.txt

# The front-end files; only what pages use is copied on.
FROM base AS frontend
RUN apt-get update && apt-get install --yes --no-install-recommends npm
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY deploy/frontend.py deploy/
COPY static/icons.txt static/
RUN python3 deploy/frontend.py

# API, dashboard, admin and control workers. One process a container: the API, or `manage.py service control`.
FROM base AS control
RUN useradd --system --home-dir /var/lib/cloudweb --create-home --shell /usr/sbin/nologin cloudweb
COPY --from=environment /srv/cloudweb/.venv .venv
COPY . .
COPY --from=frontend /srv/cloudweb/static/vendor static/vendor
ENV STATIC_ROOT=/srv/cloudweb/collected
RUN CLOUDWEB_VAR=/tmp/build SECRET_KEY=unused python3 manage.py collectstatic --no-input --verbosity 0 \
 && rm -r /tmp/build
USER cloudweb
VOLUME /var/lib/cloudweb
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s CMD ["python3", "-c", \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENV LISTEN=0.0.0.0:8000
CMD ["python3", "-m", "cloudweb.server"]

# A host: compute and network agents, which drive the kernel; run it privileged, in the host's network and
# pid namespaces, with /run, /var/lib/cloudweb and /sys shared: guests outlive the container.
FROM base AS host
RUN apt-get update \
 && apt-get install --yes --no-install-recommends qemu-system-x86 qemu-utils libvirt-daemon-system \
    libvirt-clients dnsmasq-base nftables iproute2 genisoimage cryptsetup-bin \
 && rm -rf /var/lib/apt/lists/*
COPY --from=environment /srv/cloudweb/.venv .venv
COPY . .
VOLUME /var/lib/cloudweb
CMD ["sh", "-c", "exec python3 manage.py service host --host \"${HOST_NAME:-$(hostname)}\""]
