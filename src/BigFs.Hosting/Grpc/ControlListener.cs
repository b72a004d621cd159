using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using BigFs.Core.Transfer;
using BigFs.Hosting.Access.Grpc;
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
/// Serves control services on a private Kestrel: HTTP/2, on loopback and without TLS unless the options say otherwise. Every
/// call passes its gate. Touches no host of the application, reads no configuration and no environment, and logs only where
/// it is told to.
/// </summary>
internal sealed class ControlListener : IAsyncDisposable
{
    private readonly IPEndPoint _address;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ControlListenerOptions _options;
    private readonly List<ServerServiceDefinition> _services = [];
    private readonly CancellationTokenSource _stopping = new();
    private WebApplication? _app;
    private bool _disposed;

    /// <summary>Makes a listener; does no I/O but reading the files of its encryption.</summary>
    /// <param name="address">"host:port", on loopback unless the options allow others; port 0 for any free one.</param>
    /// <param name="loggerFactory">Where log events go.</param>
    /// <param name="options">Its protection; null for none.</param>
    /// <exception cref="BigFsException">InvalidSettings: the address is none, or lies beyond loopback.</exception>
    public ControlListener(string address, ILoggerFactory loggerFactory, ControlListenerOptions? options = null)
    {
        _options = options ?? new ControlListenerOptions();
        _address = ListenAddress.Parse(address, _options.BeyondLoopback, _options.Advertise);
        _options.Limits.Validate();
        _loggerFactory = loggerFactory;
    }

    /// <summary>How long calls under way may take to end when the listener stops; then they are cut. Default 2 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Ends when the listener begins to stop: streaming services end their streams then.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Where it listens, "host:port"; empty before the start.</summary>
    public string Endpoint { get; private set; } = "";

    /// <summary>Counts the calls of the file server's service.</summary>
    public CallMeter FileServerCalls { get; } = new();

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
        Endpoint = ListenAddress.Advertised(_options.Advertise, new Uri(app.Urls.Single()));
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
        BigFsControlLimits limits = _options.Limits;
        builder.Services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = limits.MessageBytes;
            options.MaxSendMessageSize = ControlLimits.MaxMessageBytes;
            options.Interceptors.Add<CallMeterInterceptor>(FileServerCalls, "bigfs.v1.FileServer");
            options.Interceptors.Add<ErrorInterceptor>(_loggerFactory.CreateLogger<ErrorInterceptor>(), Stopping);

            // Within it: it sees failures as they are.
            options.Interceptors.Add<TelemetryInterceptor>();
            options.Interceptors.Add<AccessInterceptor>(_options.Gate(), _loggerFactory.CreateLogger<AccessInterceptor>());
        });
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Limit(kestrel.Limits, limits);
            kestrel.Listen(_address, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (_options.Tls is { } tls)
                {
                    UseTls(listen, tls);
                }
            });
        });
        WebApplication app = builder.Build();
        var inFlight = new InFlightBytes(limits.BytesInFlight);
        app.Use(next => context => inFlight.InvokeAsync(context, next));
        foreach (ServerServiceDefinition service in _services)
        {
            app.MapGrpcService(service);
        }

        return app;
    }

    private static void Limit(KestrelServerLimits kestrel, BigFsControlLimits limits)
    {
        // gRPC bounds each message, and lifts the least rate from streams, which may be silent.
        kestrel.MaxRequestBodySize = null;
        kestrel.MaxConcurrentConnections = limits.Connections;
        kestrel.MinRequestBodyDataRate = new MinDataRate(limits.LeastBytesPerSecond, limits.SlowFor);
        kestrel.MinResponseDataRate = new MinDataRate(limits.LeastBytesPerSecond, limits.SlowFor);
        kestrel.RequestHeadersTimeout = limits.HeaderTimeout;
        kestrel.MaxRequestHeadersTotalSize = limits.HeaderBytes;
        kestrel.Http2.MaxRequestHeaderFieldSize = limits.HeaderBytes;
        kestrel.Http2.MaxStreamsPerConnection = limits.StreamsPerConnection;
        kestrel.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
    }

    /// <summary>
    /// A certificate of the caller is asked for where there is an authority for it, and one that is shown must be of that; who
    /// has to show one the gate decides, for clients and roles come to the same port.
    /// </summary>
    private static void UseTls(ListenOptions listen, TransferServerTls tls)
    {
        SslServerAuthenticationOptions options = tls.Load("ControlCertificateFile", "ControlAuthorityFile");
        X509ChainPolicy? trust = options.CertificateChainPolicy;
        options.ClientCertificateRequired = trust is not null;
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        options.RemoteCertificateValidationCallback = (_, _, _, errors) =>
            errors is SslPolicyErrors.None or SslPolicyErrors.RemoteCertificateNotAvailable;
        listen.UseHttps(
            (_, _, _, _) => ValueTask.FromResult(options), state: new object(), handshakeTimeout: TimeSpan.FromSeconds(10));
    }

    /// <summary>The process's signals belong to the application.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
