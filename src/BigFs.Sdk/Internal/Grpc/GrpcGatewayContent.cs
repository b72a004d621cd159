using BigFs.Internal.Gateway;
using BigFs.Internal.Upload;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>File content over the streams of gateway.proto, on connections of its own: bulk does not delay control.</summary>
internal sealed class GrpcGatewayContent : IGatewayContent
{
    public const string Role = "gateway";

    private readonly InstanceSource _gateways;
    private readonly ClientSettings _settings;
    private readonly TimeProvider _clock;
    private readonly ChannelCache _channels;
    private readonly RoleChannel _channel;

    /// <summary>Makes the way; nothing is connected before the first call.</summary>
    public GrpcGatewayContent(InstanceSource gateways, ChannelSecurity security, ClientSettings settings, TimeProvider clock)
    {
        (_gateways, _settings, _clock) = (gateways, settings, clock);
        _channels = new ChannelCache(settings.ConnectTimeout, security);
        _channel = _channels.OpenForContent(Role, gateways);
    }

    public async Task<IGatewayUpload> BeginAsync(
        UploadPlan plan, Guid operation, long? size, Action<long> acknowledged, CancellationToken cancellationToken)
    {
        var route = new CallRoute { Avoid = [] };
        CallRoute.Current = route;
        var upload = new GrpcGatewayUpload(_channel.Invoker, route, _gateways.Known[0], _settings, _clock, acknowledged, cancellationToken);
        try
        {
            await upload.OpenAsync(ContentMapping.Header(plan, operation, size)).ConfigureAwait(false);
            return upload;
        }
        catch
        {
            await upload.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task<uint> ReadAsync(BigFsFile file, long position, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var request = new DownloadRequest
        {
            Protocol = ContentMethods.Version,
            Path = file.Path.ToString(),
            Version = file.Version.Value,
            Offset = position,
            Length = destination.Length,
        };
        var route = new CallRoute { Avoid = [] };
        CallRoute.Current = route;
        using var received = new ContentDestination(destination);
        ContentDestination.Current = received;
        using var limit = new StallLimit(_settings.ConnectTimeout + _settings.StallTimeout, _clock, cancellationToken);
        using AsyncServerStreamingCall<ContentMessage<DownloadPart>> call = _channel.Invoker.AsyncServerStreamingCall(
            ContentMethods.Download, null, new CallOptions(cancellationToken: limit.Token), request);
        try
        {
            uint? told = null;
            while (await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                limit.Restart();
                if (call.ResponseStream.Current.Part is { PartCase: DownloadPart.PartOneofCase.End, End: { } end })
                {
                    told = end.Crc32C;
                }
            }

            return told == received.Crc32C && received.Filled == destination.Length && !received.IsOverfull
                ? received.Crc32C
                : throw Damaged(file, position, EndpointOf(route));
        }
        catch (RpcException error)
        {
            throw Failure(error, limit, EndpointOf(route), cancellationToken);
        }
    }

    public ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _channels.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>What a failed call means to its caller.</summary>
    public static Exception Failure(RpcException error, StallLimit limit, string endpoint, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? new OperationCanceledException(cancellationToken)
        : limit.IsOver ? new BigFsException(BigFsErrorCode.TimedOut, $"Nothing moved at the gateway at {endpoint} for {limit.Time.TotalSeconds:0.###} s.")
        {
            Endpoint = endpoint,
        }
        : WireErrors.Sent(error, endpoint) ?? WireErrors.FromTransport(error, Role, endpoint, attempts: 1);

    private string EndpointOf(CallRoute route) => route.Endpoint ?? _gateways.Known[0];

    private static BigFsException Damaged(BigFsFile file, long position, string endpoint) =>
        new(BigFsErrorCode.Damaged, $"The gateway sent other bytes of \"{file.Path}\" from {position} on than it said.")
        {
            Path = file.Path.ToString(),
            Endpoint = endpoint,
        };
}
