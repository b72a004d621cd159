using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace BigFs.Hosting.Gateway.Listening;

/// <summary>
/// HTTP/1.1 and HTTP/2 on one port without TLS. Kestrel decides by ALPN, which TLS alone has, and else serves one of them; but a
/// client that speaks HTTP/2 without asking begins with words that no request of HTTP/1 begins with (RFC 9113, section 3.4).
/// So whatever begins with them is handed over to a second endpoint, of HTTP/2 alone, that no socket belongs to. Thread-safe.
/// </summary>
/// <param name="patience">How long the first bytes of a connection may take.</param>
internal sealed class PriorKnowledgeSwitch(TimeSpan patience) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly Channel<ConnectionContext> _handedOver =
        Channel.CreateUnbounded<ConnectionContext>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>The connection preface.</summary>
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>The endpoint that takes what is handed over.</summary>
    public EndPoint Inner { get; } = new InnerEndPoint();

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint == Inner;

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IConnectionListener>(new Listener(endpoint, _handedOver));

    /// <summary>The step of the outer endpoint's connections that decides.</summary>
    public ConnectionDelegate Decide(ConnectionDelegate http1) => async connection =>
    {
        switch (await BeginsWithPrefaceAsync(connection).ConfigureAwait(false))
        {
            case true:
                await HandOverAsync(connection).ConfigureAwait(false);
                break;
            case false:
                await http1(connection).ConfigureAwait(false);
                break;
        }
    };

    private async Task HandOverAsync(ConnectionContext connection)
    {
        var handed = new HandedConnection(connection);
        if (_handedOver.Writer.TryWrite(handed))
        {
            await handed.Ended.ConfigureAwait(false);
        }
    }

    /// <summary>Looks at the first bytes and leaves them there; null when none came in time, or the connection is gone.</summary>
    private async ValueTask<bool?> BeginsWithPrefaceAsync(ConnectionContext connection)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        limit.CancelAfter(patience);
        PipeReader input = connection.Transport.Input;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(limit.Token).ConfigureAwait(false);
                ReadOnlySequence<byte> begun = read.Buffer;
                int known = (int)Math.Min(begun.Length, Preface.Length);
                bool same = IsPrefix(begun.Slice(0, known));
                bool decided = !same || known == Preface.Length || read.IsCompleted;
                input.AdvanceTo(begun.Start, decided ? begun.Start : begun.End);
                if (decided)
                {
                    return begun.IsEmpty ? null : same && known == Preface.Length;
                }
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            connection.Abort(new ConnectionAbortedException("Nothing came over the connection."));
            return null;
        }
    }

    private static bool IsPrefix(ReadOnlySequence<byte> begun)
    {
        Span<byte> bytes = stackalloc byte[Preface.Length];
        begun.CopyTo(bytes);
        return Preface.StartsWith(bytes[..(int)begun.Length]);
    }

    private sealed class InnerEndPoint : EndPoint
    {
        public override string ToString() => "prior-knowledge";
    }

    private sealed class Listener(EndPoint endpoint, Channel<ConnectionContext> connections) : IConnectionListener
    {
        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await connections.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false) && connections.Reader.TryRead(out ConnectionContext? next)
                ? next
                : null;

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            connections.Writer.TryComplete();
            while (connections.Reader.TryRead(out ConnectionContext? late))
            {
                late.Abort(new ConnectionAbortedException("The gateway stops."));
                await late.DisposeAsync().ConfigureAwait(false);
            }
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }

    /// <summary>A connection of the outer endpoint as the inner one sees it: ended here, it is closed there.</summary>
    private sealed class HandedConnection(ConnectionContext outer) : ConnectionContext
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Ended => _ended.Task;

        public override string ConnectionId { get; set; } = outer.ConnectionId;

        public override IFeatureCollection Features { get; } = new FeatureCollection(outer.Features);

        public override IDictionary<object, object?> Items { get; set; } = outer.Items;

        public override IDuplexPipe Transport { get; set; } = outer.Transport;

        public override CancellationToken ConnectionClosed { get; set; } = outer.ConnectionClosed;

        public override EndPoint? LocalEndPoint { get; set; } = outer.LocalEndPoint;

        public override EndPoint? RemoteEndPoint { get; set; } = outer.RemoteEndPoint;

        public override void Abort(ConnectionAbortedException abortReason) => outer.Abort(abortReason);

        public override ValueTask DisposeAsync()
        {
            _ended.TrySetResult();
            return ValueTask.CompletedTask;
        }
    }
}
