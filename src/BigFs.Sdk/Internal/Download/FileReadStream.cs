using BigFs.Core.Model;

namespace BigFs.Internal.Download;

/// <summary>
/// The stream of one file version. Reads in sequence fetch whole chunks ahead; a read after a seek fetches a window of
/// blocks around it. One reader at a time. A synchronous read is served from what has been fetched and otherwise holds
/// its thread until the bytes are there.
/// </summary>
internal sealed class FileReadStream : BigFsReadStream
{
    private const int SmallestWindow = Limits.BlockSize;
    private const int LargestFirstWindow = 1 << 20;

    private readonly ClientContext _context;
    private readonly ChunkReader _reader;
    private readonly int _depth;
    private readonly MonotonicProgress _progress;
    private readonly ReadLease _lease;
    private ReadAhead? _ahead;
    private long _position;
    private int _reading;
    private bool _closed;

    /// <summary>Makes a stream at the file's beginning; nothing is fetched yet.</summary>
    public FileReadStream(ClientContext context, ChunkReader reader, DownloadOptions options)
    {
        _context = context;
        _reader = reader;
        _depth = options.Concurrency;
        _progress = new MonotonicProgress(options.Progress);
        _lease = reader.KeepFor(this);
    }

    /// <inheritdoc/>
    public override BigFsFile File => _reader.Map.File;

    /// <inheritdoc/>
    public override bool CanRead => !_closed;

    /// <inheritdoc/>
    public override bool CanSeek => !_closed;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => File.Size;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ObjectDisposedException.ThrowIf(_closed, this);
            _position = value;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Enter();
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (buffer.IsEmpty || _position >= Length)
            {
                return 0;
            }

            if (!HasPosition)
            {
                await PublicDoor.LeaveContext();
                await FetchAsync(buffer.Length, cancellationToken).ConfigureAwait(false);
            }

            return Copy(buffer.Span);
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    /// <summary>Reads; holds the calling thread while bytes have to be fetched.</summary>
    public override int Read(Span<byte> buffer)
    {
        Enter();
        try
        {
            if (buffer.IsEmpty || _position >= Length)
            {
                return 0;
            }

            if (!HasPosition)
            {
                // The one place that waits for asynchronous work: on the thread pool, so that no context is needed.
                int wanted = buffer.Length;
                Task.Run(() => FetchAsync(wanted, CancellationToken.None)).GetAwaiter().GetResult();
            }

            return Copy(buffer);
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    /// <inheritdoc/>
    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        long target = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            SeekOrigin.End => Length + offset,
            _ => throw new ArgumentOutOfRangeException(nameof(origin), origin, "Begin, Current or End is expected."),
        };
        if (target < 0)
        {
            throw new IOException("A position before the beginning of the file was asked for.");
        }

        Position = target;
        return target;
    }

    /// <summary>Does nothing: there is nothing to write.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("The stream is only read.");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("The stream is only read.");

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        _closed = true;
        await DropAsync().ConfigureAwait(false);
        await _lease.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _closed = true;
        if (disposing && Interlocked.Exchange(ref _ahead, null) is { } ahead)
        {
            // What is being fetched is cancelled and ends by itself; there is nothing left to fail.
            _ = ahead.DisposeAsync().AsTask();
        }

        if (disposing)
        {
            _ = _lease.DisposeAsync().AsTask();
        }

        base.Dispose(disposing);
    }

    private bool HasPosition => _ahead?.Current is { } piece && piece.Contains(_position);

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (Interlocked.Exchange(ref _reading, 1) == 1)
        {
            throw new InvalidOperationException("The stream is being read: one read at a time.");
        }
    }

    private int Copy(Span<byte> destination)
    {
        ReadAhead.Piece piece = _ahead?.Current ?? throw new ObjectDisposedException(nameof(BigFsReadStream));
        ReadOnlySpan<byte> rest = piece.Data.Span[(int)(_position - piece.Start)..];
        int count = Math.Min(rest.Length, destination.Length);
        rest[..count].CopyTo(destination);
        _position += count;
        _progress.Add(count);
        return count;
    }

    /// <summary>Fetches the piece that holds the position: the one that follows, or a window after a seek.</summary>
    private async Task FetchAsync(int wanted, CancellationToken cancellationToken)
    {
        try
        {
            if (_ahead is null || _ahead.Following != _position)
            {
                await DropAsync().ConfigureAwait(false);
                _ahead = new ReadAhead(
                    _reader, _depth, _position, Math.Clamp(wanted, SmallestWindow, LargestFirstWindow), _context.Stopping);
            }

            await _ahead.NextAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The piece is still on its way, for the next read.
            throw;
        }
        catch (OperationCanceledException)
        {
            // Not the caller's token: the client has ended, or this stream has.
            throw new ObjectDisposedException(_closed ? nameof(BigFsReadStream) : nameof(BigFsClient));
        }
        catch (BigFsException)
        {
            await DropAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask DropAsync()
    {
        if (Interlocked.Exchange(ref _ahead, null) is { } ahead)
        {
            await ahead.DisposeAsync().ConfigureAwait(false);
        }
    }
}
