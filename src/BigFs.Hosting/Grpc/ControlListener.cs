using System.Net;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Grpc;

/// <summary>
/// Serves control services on a private Kestrel: HTTP/2 without TLS, loopback only. Touches no host of the application,
/// reads no configuration and no environment, and logs only where it is told to.
/// </summary>
internal sealed class ControlListener : IAsyncDisposable
{
    private readonly IPEndPoint _address;
    private readonly ILoggerFactory _loggerFactory;
    private readonly List<ServerServiceDefinition> _services = [];
    private readonly CancellationTokenSource _stopping = new();
    private WebApplication? _app;
    private bool _disposed;

    /// <summary>Makes a listener; does no I/O.</summary>
    /// <param name="address">"host:port" on loopback; port 0 for any free one.</param>
    /// <param name="loggerFactory">Where log events go.</param>
    /// <exception cref="BigFsException">InvalidSettings: the address is none, or lies beyond loopback.</exception>
    public ControlListener(string address, ILoggerFactory loggerFactory)
    {
        _address = Loopback.Parse(address)
            ?? throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The address \"{address}\" to listen on must be \"host:port\" on loopback (127.0.0.1, [::1] or localhost):"
                + " without keys nothing is served beyond it.");
        _loggerFactory = loggerFactory;
    }

    /// <summary>How long calls under way may take to end when the listener stops; then they are cut. Default 2 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Ends when the listener begins to stop: streaming services end their streams then.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Where it listens, "host:port"; empty before the start.</summary>
    public string Endpoint { get; private set; } = "";

    /// <summary>Adds a service, before the start: <c>XBase.BindService(instance)</c>.</summary>
    public ControlListener Map(ServerServiceDefinition service)
    {
        _services.Add(service);
        return this;
    }

    /// <summary>Starts listening; once.</summary>
    /// <exception cref="BigFsException">AddressInUse: the address is taken or may not be bound.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        WebApplication app = Build();
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException)
        {
            await app.DisposeAsync();
            throw new BigFsException(
                BigFsErrorCode.AddressInUse, $"The address {_address} is taken or may not be bound.", error)
            {
                Endpoint = _address.ToString(),
            };
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        _app = app;
        Endpoint = new Uri(app.Urls.Single()).Authority;
    }

    /// <summary>Stops: ends streams, lets calls under way end within <see cref="Grace"/>, closes every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _stopping.CancelAsync();
        if (_app is { } app)
        {
            using var limit = new CancellationTokenSource(Grace);
            await app.StopAsync(limit.Token);
            await app.DisposeAsync();
        }

        _stopping.Dispose();
    }

    private WebApplication Build()
    {
        // The folder of the program, so that the working directory is neither read nor needed.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton(_loggerFactory);
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = ControlLimits.MaxMessageBytes;
            options.MaxSendMessageSize = ControlLimits.MaxMessageBytes;
            options.Interceptors.Add<ErrorInterceptor>(_loggerFactory.CreateLogger<ErrorInterceptor>(), Stopping);
        });
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // gRPC bounds each message.
            kestrel.Limits.MaxConcurrentConnections = 4096;
            kestrel.Limits.MinRequestBodyDataRate = null; // A bus stream may be silent.
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 256;
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
            kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(_address, listen => listen.Protocols = HttpProtocols.Http2);
        });
        WebApplication app = builder.Build();
        foreach (ServerServiceDefinition service in _services)
        {
            app.MapGrpcService(service);
        }

        return app;
    }

    /// <summary>The process's signals belong to the application.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
