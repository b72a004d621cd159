using System.Net;
using System.Reflection;
using System.Text.Json;
using BigFs.Cli.Settings;
using BigFs.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace BigFs.Cli.Diagnostics;

/// <summary>
/// What a process of roles shows of itself: health and metrics over HTTP, traces and metrics by OTLP. Without settings it
/// is nothing and costs nothing. Health is there before the roles are.
/// </summary>
internal sealed class RoleTelemetry : IAsyncDisposable
{
    private static readonly string[] Meters =
        ["BigFs", "System.Runtime", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Hosting"];

    private static readonly string[] Sources = ["BigFs", "Microsoft.AspNetCore", "Grpc.Net.Client", "System.Net.Http"];

    private readonly MeterProvider? _meters;
    private readonly TracerProvider? _tracers;
    private WebApplication? _app;
    private volatile BigFsRoleHost? _host;

    private RoleTelemetry(MeterProvider? meters, TracerProvider? tracers) => (_meters, _tracers) = (meters, tracers);

    /// <summary>Where HTTP is served, "host:port"; empty when it is not.</summary>
    public string Endpoint { get; private set; } = "";

    /// <summary>Starts what the options ask for.</summary>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse.</exception>
    public static async Task<RoleTelemetry> StartAsync(RunOptions options, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        IPEndPoint? listen = options.HttpListen is { } address ? HttpAddress(address) : null;
        Uri? otlp = options.OtlpEndpoint is { } endpoint ? OtlpAddress(endpoint) : null;
        ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService(
            "bigfs",
            serviceVersion: Version(),
            serviceInstanceId: $"{Environment.MachineName}:{Environment.ProcessId}")
            .AddAttributes([new("bigfs.roles", string.Join(',', options.Host.Roles))]);
        var telemetry = new RoleTelemetry(MeterProviderOf(listen is not null, otlp, resource), TracerProviderOf(otlp, options.TraceShare, resource));
        try
        {
            if (listen is not null)
            {
                await telemetry.ListenAsync(listen, logging, cancellationToken);
            }

            return telemetry;
        }
        catch
        {
            await telemetry.DisposeAsync();
            throw;
        }
    }

    /// <summary>The roles whose health is told from now on; null: they are not ready.</summary>
    public void Watch(BigFsRoleHost? host) => _host = host;

    public async ValueTask DisposeAsync()
    {
        if (_app is { } app)
        {
            await app.DisposeAsync();
        }

        _tracers?.Dispose();
        _meters?.Dispose();
    }

    private static string Version() =>
        typeof(RoleTelemetry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    private static IPEndPoint HttpAddress(string text)
    {
        string numeric = text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1:" + text["localhost:".Length..] : text;
        return numeric.Contains(':') && !numeric.EndsWith(']') && IPEndPoint.TryParse(numeric, out IPEndPoint? address) && IPAddress.IsLoopback(address.Address)
            ? address
            : throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The setting HttpListen is \"{text}\"; it must be \"host:port\" on loopback: health and metrics ask for no key.");
    }

    private static Uri OtlpAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            ? address
            : throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The setting OtlpEndpoint is \"{text}\"; it must be \"http://host:port\".");

    private static MeterProvider? MeterProviderOf(bool listens, Uri? otlp, ResourceBuilder resource)
    {
        if (!listens && otlp is null)
        {
            return null;
        }

        MeterProviderBuilder builder = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters);
        builder = listens ? builder.AddPrometheusExporter() : builder;
        builder = otlp is null ? builder : builder.AddOtlpExporter(exporter => exporter.Endpoint = otlp);
        return builder.Build();
    }

    private static TracerProvider? TracerProviderOf(Uri? otlp, double share, ResourceBuilder resource) => otlp is null
        ? null
        : Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(Sources)
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(share)))
            .AddOtlpExporter(exporter => exporter.Endpoint = otlp)
            .Build();

    private async Task ListenAsync(IPEndPoint listen, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton(logging);
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 64;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Listen(listen, one => one.Protocols = HttpProtocols.Http1);
        });
        _app = builder.Build();
        _app.UseOpenTelemetryPrometheusScrapingEndpoint(_meters, null, "/metrics", null, null);
        _app.Run(AnswerAsync);
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (IOException taken)
        {
            throw new BigFsException(BigFsErrorCode.AddressInUse, $"The address {listen} is taken or may not be bound.", taken)
            {
                Endpoint = listen.ToString(),
            };
        }

        Endpoint = new Uri(_app.Urls.Single()).Authority;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Method is not ("GET" or "HEAD"))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        switch (context.Request.Path.Value)
        {
            case "/health/live":
                await context.Response.WriteAsync("live\n", context.RequestAborted);
                return;
            case "/health/ready":
                await AnswerReadyAsync(context);
                return;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
        }
    }

    private async Task AnswerReadyAsync(HttpContext context)
    {
        IReadOnlyList<BigFsRoleHealth> roles = _host is { } host ? await host.CheckAsync(context.RequestAborted) : [];
        bool isReady = roles.Count > 0 && roles.All(role => role.IsReady);
        context.Response.StatusCode = isReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "application/json";
        using var body = new MemoryStream();
        await using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("ready", isReady);
            writer.WriteStartArray("roles");
            foreach (BigFsRoleHealth role in roles)
            {
                writer.WriteStartObject();
                writer.WriteString("role", role.Role);
                writer.WriteBoolean("ready", role.IsReady);
                writer.WriteString("reason", role.Reason);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        await context.Response.Body.WriteAsync(body.ToArray(), context.RequestAborted);
    }

    /// <summary>The process's signals belong to the command.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
