# The bigfs command in a container; a role is chosen by its arguments or by variables BIGFS_... (docs/operations.md).
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish -c Release -o /app src/BigFs.Cli

FROM mcr.microsoft.com/dotnet/aspnet:10.0
RUN useradd --system --uid 1654 --home-dir /data bigfs 2>/dev/null || true; mkdir -p /data && chown 1654 /data
COPY --from=build /app /app
USER 1654
VOLUME /data
WORKDIR /data
ENTRYPOINT ["dotnet", "/app/bigfs.dll"]
CMD ["version"]
