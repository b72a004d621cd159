using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Messaging;

/// <summary>The relay: serves a bus of its process to other processes.</summary>
/// <param name="bus">The bus.</param>
/// <param name="stopping">Ends all streams (the listener's).</param>
/// <param name="logger">Is told when a publisher sends what is not known here.</param>
internal sealed partial class ClusterBusService(
    IClusterBus bus, CancellationToken stopping, ILogger<ClusterBusService> logger) : Protocol.ClusterBus.ClusterBusBase
{
    public override async Task<Protocol.Empty> Publish(
        IAsyncStreamReader<Protocol.BusMessage> requestStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        bool hasSkipped = false;
        while (await requestStream.MoveNext(end.Token))
        {
            if (requestStream.Current.FromProto() is { } message)
            {
                await bus.PublishAsync(message, end.Token);
            }
            else if (!hasSkipped)
            {
                hasSkipped = true;
                LogSkipped(logger, context.Peer);
            }
        }

        return new Protocol.Empty();
    }

    public override async Task Subscribe(
        Protocol.SubscribeRequest request, IServerStreamWriter<Protocol.BusMessage> responseStream, ServerCallContext context)
    {
        var topic = Wire.ToEnum<ClusterTopic>(request.Topic);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        await using IAsyncEnumerator<ClusterEvent> events = bus.SubscribeAsync(topic, end.Token).GetAsyncEnumerator(end.Token);
        Task<bool> next = events.MoveNextAsync().AsTask();

        try
        {
            // The headers say that the subscription stands: what is published from now on arrives.
            await context.WriteResponseHeadersAsync([]);
            while (await next)
            {
                await responseStream.WriteAsync(events.Current.ToProto(), end.Token);
                next = events.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // An enumerator must be at rest before it is disposed.
            await end.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(EventId = 1133, EventName = "ClusterBusPublisherUnknown", Level = LogLevel.Warning,
        Message = "{Peer} publishes events of a version or kind that is not known here; they are skipped")]
    private static partial void LogSkipped(ILogger logger, string peer);
}
