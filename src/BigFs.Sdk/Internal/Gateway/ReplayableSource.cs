namespace BigFs.Internal.Gateway;

/// <summary>
/// A caller's stream that may have to be read once more: one that can seek is set back, of another one the first 1 MiB is
/// kept. One caller at a time.
/// </summary>
/// <param name="source">The stream; stays the caller's.</param>
/// <param name="cancellationToken">Ends its reads.</param>
internal sealed class ReplayableSource(Stream source, CancellationToken cancellationToken)
{
    /// <summary>Most bytes kept of a stream that cannot seek: 1 MiB.</summary>
    private const int MostKept = 1 << 20;

    private readonly long? _start = source.CanSeek ? source.Position : null;
    private readonly MemoryStream _kept = new();
    private (Task<int> Read, Memory<byte> Room)? _outstanding;
    private bool _isPast;
    private int _again;

    /// <summary>Bytes to come; null when unknown.</summary>
    public long? Length { get; } = source.CanSeek ? Math.Max(0, source.Length - source.Position) : null;

    /// <summary>Whether the stream itself has thrown: that passes through to the caller, whatever it was.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>
    /// Reads; 0 at the end. When <paramref name="stop"/> ends the wait, the read goes on by itself and keeps the room.
    /// </summary>
    public async ValueTask<int> ReadAsync(Memory<byte> room, CancellationToken stop)
    {
        if (_again < _kept.Length)
        {
            int count = (int)Math.Min(room.Length, _kept.Length - _again);
            _kept.GetBuffer().AsMemory(_again, count).CopyTo(room);
            _again += count;
            return count;
        }

        Task<int>? task = null;
        try
        {
            ValueTask<int> read = source.ReadAsync(room, cancellationToken);
            if (read.IsCompleted)
            {
                return Keep(room[..await read.ConfigureAwait(false)]);
            }

            task = read.AsTask();
            _outstanding = (task, room);
            int count = await task.WaitAsync(stop).ConfigureAwait(false);
            _outstanding = null;
            return Keep(room[..count]);
        }
        catch (Exception) when (task is null or { IsFaulted: true })
        {
            HasFailed = true;
            throw;
        }
    }

    /// <summary>Sets the stream back to where it began, as soon as no read is under way.</summary>
    /// <returns>False when it cannot be set back.</returns>
    public async ValueTask<bool> RewindAsync()
    {
        if (_outstanding is { } outstanding)
        {
            try
            {
                int count = await outstanding.Read.WaitAsync(cancellationToken).ConfigureAwait(false);
                _outstanding = null;
                Keep(outstanding.Room[..count]);
            }
            catch (Exception) when (outstanding.Read.IsFaulted)
            {
                HasFailed = true;
                throw;
            }
        }

        if (_start is { } start)
        {
            source.Position = start;
            return true;
        }

        _again = 0;
        return !_isPast;
    }

    private int Keep(ReadOnlyMemory<byte> bytes)
    {
        if (_start is null && !_isPast)
        {
            if (_kept.Length + bytes.Length > MostKept)
            {
                _isPast = true;
                _kept.SetLength(0);
                _kept.Capacity = 0;
                _again = 0;
            }
            else
            {
                _kept.Write(bytes.Span);
                _again = (int)_kept.Length;
            }
        }

        return bytes.Length;
    }
}
