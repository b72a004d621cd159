using System.Threading.Channels;
using BigFs.Core.Chunking;
using BigFs.Internal.Upload;

namespace BigFs.Internal.Gateway;

/// <summary>
/// One try of an upload through the gateway: sends pieces in order beside its caller, tells the gateway now and then that the
/// caller is still there while no piece comes, and adds up the checksum that the gateway's must equal.
/// </summary>
internal sealed class GatewaySink : IPieceSink
{
    /// <summary>Pieces held at once: 4 of at most 256 KiB each.</summary>
    private const int MostPieces = 4;

    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    private readonly IGatewayUpload _upload;
    private readonly TimeProvider _time;
    private readonly TimeSpan _silence;
    private readonly CancellationTokenSource _stop;
    private readonly Channel<(byte[] Buffer, int Length)> _pieces =
        Channel.CreateUnbounded<(byte[] Buffer, int Length)>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private readonly Task _sending;
    private Exception? _failure;
    private long _size;
    private uint _crc32C;

    private GatewaySink(ClientContext context, IGatewayUpload upload, CancellationTokenSource stop)
    {
        (_upload, _stop, _time) = (upload, stop, context.Time);
        Stopped = stop.Token;
        _silence = context.Settings.StallTimeout / 3 < LongestSilence ? context.Settings.StallTimeout / 3 : LongestSilence;
        Buffers = new TransferBuffers(MostPieces, context.LargeBuffers);
        _sending = SendAllAsync();
    }

    /// <inheritdoc/>
    public TransferBuffers Buffers { get; }

    /// <inheritdoc/>
    public int ChunkSize => _upload.MostBytes;

    /// <inheritdoc/>
    public CancellationToken Stopped { get; }

    /// <summary>Whether the gateway may have been told that the content is complete: from then on the file may stand.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Begins; a cluster that refuses the upload does so here, before the content is touched.</summary>
    /// <param name="context">The client.</param>
    /// <param name="plan">The validated options.</param>
    /// <param name="operation">See <see cref="IGatewayContent.BeginAsync"/>.</param>
    /// <param name="size">Bytes to come; null when unknown.</param>
    /// <param name="acknowledged">Told the bytes that are safe so far.</param>
    /// <param name="lifetime">Ends the whole try.</param>
    public static async Task<GatewaySink> BeginAsync(
        ClientContext context, UploadPlan plan, Guid operation, long? size, Action<long> acknowledged, CancellationToken lifetime)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(lifetime, context.Stopping);
        try
        {
            IGatewayUpload upload =
                await context.Gateway!.BeginAsync(plan, operation, size, acknowledged, stop.Token).ConfigureAwait(false);
            return new GatewaySink(context, upload, stop);
        }
        catch
        {
            stop.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <inheritdoc/>
    public void Send(byte[] buffer, int length) => _pieces.Writer.TryWrite((buffer, length));

    /// <inheritdoc/>
    public async Task<UploadResult> CommitAsync(CancellationToken cancellationToken)
    {
        _pieces.Writer.TryComplete();
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfFailed();
        cancellationToken.ThrowIfCancellationRequested();
        IsComplete = true;
        return await _upload.EndAsync(_size, _crc32C).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _pieces.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _upload.DisposeAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(false);
        while (_pieces.Reader.TryRead(out (byte[] Buffer, int Length) left))
        {
            Buffers.Return(left.Buffer);
        }

        Buffers.Dispose();
        _stop.Dispose();
    }

    /// <summary>Sends what comes, to the end; a failure is kept for the caller and stops everything else.</summary>
    private async Task SendAllAsync()
    {
        try
        {
            while (await NextAsync().ConfigureAwait(false))
            {
                while (_pieces.Reader.TryRead(out (byte[] Buffer, int Length) piece))
                {
                    ReadOnlyMemory<byte> bytes = piece.Buffer.AsMemory(0, piece.Length);
                    _crc32C = Crc32C.Append(_crc32C, bytes.Span);
                    _size += bytes.Length;
                    await _upload.SendAsync(bytes).ConfigureAwait(false);
                    Buffers.Return(piece.Buffer);
                }
            }
        }
        catch (OperationCanceledException) when (Stopped.IsCancellationRequested)
        {
            // The upload is to end.
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _failure, exception, null);

            // Not in this flow: what hangs on the token must not run inside the piece that failed.
            _stop.CancelAfter(TimeSpan.Zero);
        }
    }

    /// <summary>Waits for a piece; false at the end.</summary>
    private async ValueTask<bool> NextAsync()
    {
        ValueTask<bool> next = _pieces.Reader.WaitToReadAsync(Stopped);
        if (next.IsCompleted)
        {
            return await next.ConfigureAwait(false);
        }

        Task<bool> waiting = next.AsTask();
        while (true)
        {
            try
            {
                return await waiting.WaitAsync(_silence, _time, Stopped).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                await _upload.SendAsync(default).ConfigureAwait(false);
            }
        }
    }
}
