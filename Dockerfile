# The server and its client in one image. The server drives the Docker Engine whose
# socket is mounted; see docs/operating.md.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# What make would ask git for; .git is not part of the build context.
ARG VERSION=v0.1.0-dev
ARG GIT_COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/ \
      -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=${VERSION} -X k8s.io/component-base/version.gitCommit=${GIT_COMMIT} -X k8s.io/component-base/version.gitTreeState=clean" \
      ./cmd/containerlease ./cmd/leasectl

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates redis-server \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /usr/local/bin/
COPY config/ /usr/share/containerlease/config/
ENV CONTAINERLEASE_DATA_DIR=/var/lib/containerlease \
    CONTAINERLEASE_API_ADDRESS=0.0.0.0:8443 \
    CONTAINERLEASE_ADDRESS=0.0.0.0:8080
VOLUME /var/lib/containerlease
EXPOSE 8443 8080
# The server ends the requests under way, then its Redis, before it goes.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["leasectl", "get", "--raw", "/readyz", "--request-timeout", "4s"]
ENTRYPOINT ["containerlease"]
CMD ["serve"]
