# The server and its client, and nothing else: two static binaries, no shell, no Redis.
# The build context is an unpacked release, or a checkout after `make build`.
#
# docs/install.md says how to run it; config/compose.yaml does it beside a Redis.
FROM scratch

COPY bin/containerlease bin/leasectl /usr/local/bin/
COPY LICENSE* /usr/share/doc/containerlease/

# Everything that has to outlive the container is in the volume or in Redis. Inside, both
# addresses are open: what is reachable from outside is decided by what is published.
ENV CONTAINERLEASE_DATA_DIR=/var/lib/containerlease \
    CONTAINERLEASE_API_ADDRESS=0.0.0.0:8443 \
    CONTAINERLEASE_ADDRESS=0.0.0.0:8080
VOLUME /var/lib/containerlease
EXPOSE 8443 8080

# The API's own health: while Redis is away leases still end in time, and nobody should
# take that for a reason to kill the server.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["/usr/local/bin/leasectl", "get", "--raw", "/readyz", "--request-timeout", "4s"]
ENTRYPOINT ["/usr/local/bin/containerlease"]
CMD ["serve"]
