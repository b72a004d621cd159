namespace BigFs.Internal.Upload;

/// <summary>
/// The stream into which a writer's user puts the content: bytes are copied into chunk buffers, and full ones leave at
/// once. A write waits only while all buffers are in flight; a synchronous one then holds its thread. Closing it ends the
/// content and nothing else.
/// </summary>
internal sealed class UploadContent(ClientContext context, IPieceSink upload) : Stream
{
    private readonly ChunkCutter _cutter = new(upload, length: null);
    private bool _closed;
    private bool _broken;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => !_closed;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException("The content's length is not known before its end.");

    /// <summary>Bytes written so far; it cannot be set.</summary>
    public override long Position
    {
        get => _cutter.Total;
        set => throw new NotSupportedException("Content is written from beginning to end.");
    }

    /// <summary>Ends the content and sends what is left.</summary>
    /// <exception cref="InvalidOperationException">A write was cut short: the content is not what the caller meant.</exception>
    public void End()
    {
        _closed = true;
        upload.ThrowIfFailed();
        if (_broken)
        {
            throw new InvalidOperationException(
                "A write to the content was cancelled or failed, so the content is incomplete: the upload is aborted.");
        }

        _cutter.End();
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        await PublicDoor.LeaveContext();
        using CancellationTokenSource? both = cancellationToken.CanBeCanceled
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, upload.Stopped)
            : null;
        CancellationToken either = both?.Token ?? upload.Stopped;
        try
        {
            while (!buffer.IsEmpty)
            {
                either.ThrowIfCancellationRequested();
                Memory<byte> room = await _cutter.RoomAsync(either).ConfigureAwait(false);
                buffer = Copy(buffer, room);
            }
        }
        catch (OperationCanceledException exception)
        {
            throw Broken(exception, cancellationToken);
        }
        catch
        {
            _broken = true;
            throw;
        }
    }

    /// <summary>Writes; holds the calling thread while all buffers are in flight.</summary>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ThrowIfClosed();
        try
        {
            while (!buffer.IsEmpty)
            {
                upload.Stopped.ThrowIfCancellationRequested();
                Span<byte> room = _cutter.Room(upload.Stopped).Span;
                int count = Math.Min(room.Length, buffer.Length);
                buffer[..count].CopyTo(room);
                _cutter.Advance(count);
                buffer = buffer[count..];
            }
        }
        catch (OperationCanceledException exception)
        {
            throw Broken(exception, CancellationToken.None);
        }
        catch
        {
            _broken = true;
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    /// <inheritdoc/>
    public override void WriteByte(byte value) => Write([value]);

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <summary>Does nothing: full chunks leave by themselves, and the rest with the commit.</summary>
    public override void Flush()
    {
    }

    /// <summary>Does nothing: full chunks leave by themselves, and the rest with the commit.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : Task.CompletedTask;

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Content is only written.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) =>
        throw new NotSupportedException("Content is written from beginning to end.");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("Content is written from beginning to end.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _closed = true;
        base.Dispose(disposing);
    }

    private ReadOnlyMemory<byte> Copy(ReadOnlyMemory<byte> from, Memory<byte> room)
    {
        int count = Math.Min(room.Length, from.Length);
        from[..count].CopyTo(room);
        _cutter.Advance(count);
        return from[count..];
    }

    private void ThrowIfClosed() => ObjectDisposedException.ThrowIf(_closed, this);

    private OperationCanceledException Broken(OperationCanceledException exception, CancellationToken cancellationToken)
    {
        _broken = true;
        if (!cancellationToken.IsCancellationRequested)
        {
            upload.ThrowIfFailed();
            ObjectDisposedException.ThrowIf(context.Stopping.IsCancellationRequested, typeof(BigFsClient));
        }

        return new OperationCanceledException(exception.Message, exception, cancellationToken);
    }
}
