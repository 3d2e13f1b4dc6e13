# Images: node, worker, demo. What is installed and built is what scripts/setup.sh and scripts/lib.sh say.
#   docker build --target node -t tributary-node .
#   docker build --target worker -t tributary-worker .
#   docker build --target demo -t tributary-demo .

# Debian 12 with rustup's Rust, the machine that setup.sh expects.
FROM rust:1.95.0-bookworm AS setup
ENV TRIBUTARY_CACHE=/var/cache/tributary
WORKDIR /tributary
COPY rust-toolchain.toml ./
COPY scripts/lib.sh scripts/setup.sh scripts/
RUN scripts/setup.sh

FROM setup AS build-node
COPY . .
RUN bash -c 'set -eo pipefail; source scripts/lib.sh; build_chain' \
	&& cp /var/cache/tributary/chain/release/tributary-node /usr/local/bin/

FROM setup AS build-worker
COPY . .
RUN bash -c 'set -eo pipefail; source scripts/lib.sh; build_worker' \
	&& cp /var/cache/tributary/worker/release/tributary-worker /var/cache/tributary/worker/release/tributary \
		/usr/local/bin/

# What the binaries need to run, and nobody's privileges.
FROM debian:12-slim AS runtime
RUN apt-get update \
	&& apt-get install -y --no-install-recommends ca-certificates jq libssl3 libstdc++6 libvulkan1 \
	&& rm -rf /var/lib/apt/lists/* \
	&& useradd --uid 1000 --create-home --home-dir /data tributary \
	&& install -d -o tributary /content
USER tributary
WORKDIR /data
VOLUME /data

FROM runtime AS node
COPY --from=build-node /usr/local/bin/tributary-node /usr/local/bin/
# P2P, RPC, Prometheus.
EXPOSE 30333 9944 9615
ENTRYPOINT ["tributary-node"]
CMD ["--dev"]

FROM runtime AS worker
COPY --from=build-worker /usr/local/bin/tributary-worker /usr/local/bin/tributary /usr/local/bin/
COPY models /models
EXPOSE 8700
ENTRYPOINT ["tributary-worker"]

# Everything: builds and runs scripts/demo.sh.
FROM setup AS demo
COPY . .
COPY --from=build-node /var/cache/tributary/chain /var/cache/tributary/chain
COPY --from=build-worker /var/cache/tributary/worker /var/cache/tributary/worker
ENTRYPOINT ["scripts/demo.sh"]
