namespace BigFs.Hosting.Backup;

/// <summary>
/// The pieces of a copied database as one stream of known length, read once from its beginning. Ends only with the checksum:
/// a copy that was cut off or is longer than it said is an error.
/// </summary>
internal sealed class PieceStream : Stream
{
    private readonly IAsyncEnumerator<DatabasePiece> _pieces;
    private ReadOnlyMemory<byte> _rest;
    private long _position;

    private PieceStream(IAsyncEnumerator<DatabasePiece> pieces, long length) => (_pieces, Length) = (pieces, length);

    /// <summary>SHA-256 over all bytes as the sender made it; null before the end.</summary>
    public byte[]? Sha256 { get; private set; }

    public override bool CanRead => true;

    /// <summary>Yes, for who asks for the length; but it goes forward only.</summary>
    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => _position;
        set
        {
            if (value != _position)
            {
                throw new NotSupportedException("A copy goes forward only.");
            }
        }
    }

    /// <summary>Waits for the first piece.</summary>
    public static async Task<PieceStream> OpenAsync(IAsyncEnumerable<DatabasePiece> pieces, CancellationToken cancellationToken)
    {
        IAsyncEnumerator<DatabasePiece> all = pieces.GetAsyncEnumerator(cancellationToken);
        try
        {
            return await all.MoveNextAsync().ConfigureAwait(false) && all.Current.Length is { } length and >= 0
                ? new PieceStream(all, length)
                : throw CutOff();
        }
        catch
        {
            await all.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_rest.IsEmpty && Sha256 is null)
        {
            if (!await _pieces.MoveNextAsync().ConfigureAwait(false))
            {
                throw CutOff();
            }

            (_rest, Sha256) = (_pieces.Current.Bytes, _pieces.Current.Sha256);
        }

        int count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        _position += count;
        return _position > Length || (Sha256 is not null && _position != Length) ? throw CutOff() : count;
    }

    /// <summary>Reads on to the checksum, when all bytes have been taken.</summary>
    /// <exception cref="BigFsException">Unavailable: the copy was cut off.</exception>
    public async Task<byte[]> EndAsync(CancellationToken cancellationToken)
    {
        int more = await ReadAsync(new byte[1], cancellationToken).ConfigureAwait(false);
        return more == 0 && Sha256 is { } sum ? sum : throw CutOff();
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await _pieces.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private static BigFsException CutOff() => new(BigFsErrorCode.Unavailable, "The copy of a database was cut off.");
}
