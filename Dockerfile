# The bigfs command in a container; a role is chosen by its arguments or by variables BIGFS_... (docs/operations.md).
# Names of the images with the .NET 10 SDK and with what .NET 10 needs of a system, as your registry has them.
ARG SDK_IMAGE=dotnet/sdk:10.0
ARG RUNTIME_IMAGE=dotnet/runtime-deps:10.0

FROM ${SDK_IMAGE} AS build
WORKDIR /source
COPY . .
RUN dotnet publish -p:PublishProfile=server -o /app src/BigFs.Cli

FROM ${RUNTIME_IMAGE}
RUN mkdir -p /data && chown 1654 /data
COPY --from=build /app /app
USER 1654
VOLUME /data
WORKDIR /data
ENTRYPOINT ["/app/bigfs"]
CMD ["version"]
