using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Messaging;

/// <summary>The relay: serves a bus of its process to other processes.</summary>
/// <param name="bus">The bus.</param>
/// <param name="stopping">Ends all streams (the listener's).</param>
/// <param name="time">Clock.</param>
/// <param name="logger">Is told when a publisher sends what is not known here.</param>
internal sealed class ClusterBusService(
    IClusterBus bus, CancellationToken stopping, TimeProvider time, ILogger<ClusterBusService> logger) : Protocol.ClusterBus.ClusterBusBase
{
    /// <summary>What publishers sent and is not known here.</summary>
    public SetAsideMessages SetAside { get; } = new(time, logger);

    public override async Task<Protocol.Empty> Publish(
        IAsyncStreamReader<Protocol.BusMessage> requestStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        while (await requestStream.MoveNext(end.Token))
        {
            Protocol.BusMessage current = requestStream.Current;
            if (current.FromProto(out SetAsideReason reason) is { } message)
            {
                await bus.PublishAsync(message, end.Token);
            }
            else
            {
                SetAside.Add(null, context.Peer, reason, current.ToByteArray());
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
}
