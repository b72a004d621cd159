using System.Collections.Concurrent;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace BigFs.Internal.Grpc;

/// <summary>
/// Channels by endpoint ("host:port") over one shared pool of connections, HTTP/2, encrypted and with credentials where the
/// security says so. A peer that falls silent in the middle of a call is noticed by pings in about the connect time-out.
/// Reads no environment (no proxy).
/// </summary>
internal sealed class ChannelCache : IDisposable
{
    /// <summary>
    /// Channels kept; past that all are forgotten and made anew. They hold no sockets of their own, so that calls under
    /// way on a forgotten one go on.
    /// </summary>
    private const int Capacity = 1024;

    /// <summary>
    /// Bytes of one download that may be on their way: 1 MiB. What waits for its reader lies in blocks of 16 KiB, of which the
    /// runtime's pool keeps few: with more on the way they are fetched from the system again and again.
    /// </summary>
    private const int ContentWindow = 1 << 20;

    private readonly ConcurrentDictionary<string, CallInvoker> _invokers = new(StringComparer.Ordinal);
    private readonly SocketsHttpHandler _handler;
    private readonly TimeSpan _connectTimeout;
    private readonly ChannelSecurity _security;

    public ChannelCache(TimeSpan connectTimeout, ChannelSecurity? security = null)
    {
        _connectTimeout = connectTimeout;
        _security = security ?? ChannelSecurity.None;
        _handler = MakeHandler();
        _handler.ConnectCallback = ConnectAsync;
    }

    /// <summary>Makes a channel to all instances of a role, with connections of its own; it is the caller's.</summary>
    /// <param name="role">The role's name.</param>
    /// <param name="source">Its instances; stays the caller's.</param>
    public RoleChannel Open(string role, InstanceSource source) => new(role, source, MakeHandler(), _security);

    /// <summary>The same for streams of content: each may have much on its way.</summary>
    public RoleChannel OpenForContent(string role, InstanceSource source)
    {
        SocketsHttpHandler handler = MakeHandler();
        handler.InitialHttp2StreamWindowSize = ContentWindow;
        if (!_security.IsEncrypted)
        {
            handler.PlaintextStreamFilter = static (context, _) =>
                ValueTask.FromResult<Stream>(new LargeReadsStream(new FirstWordStream(context.PlaintextStream)));
        }

        return new RoleChannel(role, source, handler, _security);
    }

    /// <summary>What calls an endpoint, "host:port"; does no I/O.</summary>
    /// <exception cref="BigFsException">InvalidArgument: the text is no endpoint.</exception>
    public CallInvoker Get(string endpoint)
    {
        if (_invokers.TryGetValue(endpoint, out CallInvoker? known))
        {
            return known;
        }

        if (_invokers.Count >= Capacity)
        {
            _invokers.Clear();
        }

        return _invokers.GetOrAdd(endpoint, Create);
    }

    public void Dispose() => _handler.Dispose();

    private SocketsHttpHandler MakeHandler()
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = _connectTimeout,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = AtLeastASecond(_connectTimeout * 0.4),
            KeepAlivePingTimeout = AtLeastASecond(_connectTimeout * 0.6),
            ActivityHeadersPropagator = null,
        };
        if (_security.Tls is { } tls)
        {
            // Without a name: the handler sets each endpoint's own.
            handler.SslOptions = tls.Load("ControlAuthorityFile", "ControlCertificateFile")(null);
        }
        else if (!_security.TrustsMachine)
        {
            handler.PlaintextStreamFilter = static (context, _) => ValueTask.FromResult<Stream>(new FirstWordStream(context.PlaintextStream));
        }

        return handler;
    }

    private static TimeSpan AtLeastASecond(TimeSpan time) =>
        time < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : time;

    private CallInvoker Create(string endpoint)
    {
        string scheme = _security.IsEncrypted ? "https://" : "http://";
        if (!Uri.TryCreate(scheme + endpoint, UriKind.Absolute, out Uri? address) || address.PathAndQuery != "/")
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, $"\"{endpoint}\" is no endpoint: \"host:port\" is expected.");
        }

        CallInvoker invoker = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = _handler,
            DisposeHttpClient = false,
            MaxReceiveMessageSize = ControlLimits.MaxMessageBytes,
            MaxSendMessageSize = ControlLimits.MaxMessageBytes,
            MaxRetryAttempts = null,
            DisableResolverServiceConfig = true,
        }).CreateCallInvoker();
        return _security.Credentials is { } credentials ? invoker.Intercept(credentials) : invoker;
    }

    // A connection of our own making: the channel then adds no connection state and back-off of its own, and a refused
    // connection is known at once.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_connectTimeout);
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, limit.Token).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
