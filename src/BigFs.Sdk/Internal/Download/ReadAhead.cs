using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Internal.Gateway;

namespace BigFs.Internal.Download;

/// <summary>
/// The bytes of a file from a position on, in verified pieces, several being fetched at once and handed over in order. A
/// whole download takes whole chunks from the start; a reader who may seek away again begins with a small window that
/// grows with each piece read in sequence. One caller at a time.
/// </summary>
internal sealed class ReadAhead : IAsyncDisposable
{
    /// <summary>Windows up to this size are fetched one at a time; beyond it, several ahead.</summary>
    private const int LargestWindow = 1 << 20;

    /// <summary>
    /// Largest piece from a datanode: 2 MiB. Whole chunks of several downloads would not fit into a processor's cache, and cost twice the
    /// time; smaller pieces ask more often than they need.
    /// </summary>
    private const int LargestPiece = 2 << 20;

    private readonly ChunkReader _reader;
    private readonly int _depth;
    private readonly int _largest;
    private readonly TransferBuffers _buffers;
    private readonly CancellationTokenSource _stop;
    private readonly Queue<Task<Piece>> _pieces = new();
    private Piece? _current;
    private long _next;
    private long _window;

    /// <summary>Of all bytes from the beginning on, while every one was handed over; null when not, or not needed.</summary>
    private uint? _crc32C;

    /// <summary>Starts nothing yet.</summary>
    /// <param name="reader">Where the bytes come from.</param>
    /// <param name="depth">Pieces held or being fetched at once; bounds the memory.</param>
    /// <param name="position">Where to begin: a piece may begin a little before it, at a block.</param>
    /// <param name="window">Bytes of the first piece; null for whole chunks at once.</param>
    /// <param name="cancellationToken">Ends the fetching.</param>
    public ReadAhead(ChunkReader reader, int depth, long position, int? window, CancellationToken cancellationToken)
    {
        _reader = reader;
        _depth = reader.ProvesWhole ? Math.Min(depth, GatewayRange.MostAtOnce) : depth;
        _largest = reader.ProvesWhole ? GatewayRange.Largest : LargestPiece;
        _buffers = new TransferBuffers(_depth, reader.LargeBuffers);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _next = position;
        Following = position;
        _window = window ?? _largest;
        _crc32C = reader.ProvesWhole && position == 0 ? 0 : null;
        if (window is not null && position < reader.Map.File.Size)
        {
            long start = reader.Map.StartOf(reader.Map.IndexOf(position));
            long aligned = start + ((position - start) / Limits.BlockSize * Limits.BlockSize);
            _window = RoundUpToBlocks(window.Value + (position - aligned));
            _next = aligned;
        }
    }

    /// <summary>The piece that was handed over last; gone when the next one is asked for.</summary>
    public Piece? Current => _current;

    /// <summary>The position that the next piece serves.</summary>
    public long Following { get; private set; }

    /// <summary>The next piece; null at the end of the file. Cancelling ends the wait only: the piece stays next.</summary>
    public async ValueTask<Piece?> NextAsync(CancellationToken cancellationToken)
    {
        if (_current is { } used)
        {
            _current = null;
            _buffers.Return(used.Buffer);
        }

        while (_next < _reader.Map.File.Size && _pieces.Count < (_window > LargestWindow ? _depth : 1))
        {
            (int Index, int Offset, int Length, long Start) plan = Plan();

            // Pieces are verified beside each other; what is the only one needs no other thread than the transport's.
            bool isOnly = _pieces.Count == 0 && _next >= _reader.Map.File.Size;
            _pieces.Enqueue(isOnly ? FetchAsync(plan) : Task.Run(() => FetchAsync(plan)));
        }

        if (!_pieces.TryPeek(out Task<Piece>? head))
        {
            return null;
        }

        Piece piece = await head.WaitAsync(cancellationToken).ConfigureAwait(false);
        _ = _pieces.Dequeue();
        _current = piece;
        Prove(piece);
        Following = piece.Start + piece.Length;
        return piece;
    }

    /// <summary>Gives up the piece in hand, because an abandoned call may still be reading from it.</summary>
    public void ForgetCurrent()
    {
        if (_current is not null)
        {
            _current = null;
            _buffers.Forget();
        }
    }

    /// <summary>Stops fetching; failures of what nobody asked for are nobody's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (Task<Piece> piece in _pieces)
        {
            await piece.EndAsync().ConfigureAwait(false);
            if (piece.IsCompletedSuccessfully)
            {
                _buffers.Return((await piece.ConfigureAwait(false)).Buffer);
            }
        }

        _pieces.Clear();
        if (_current is { } used)
        {
            _current = null;
            _buffers.Return(used.Buffer);
        }

        _buffers.Dispose();
        _stop.Dispose();
    }

    private static long RoundUpToBlocks(long length) => (length + Limits.BlockSize - 1) / Limits.BlockSize * Limits.BlockSize;

    /// <summary>What was read from the beginning to the end must have the file's checksum before its end is handed over.</summary>
    private void Prove(Piece piece)
    {
        if (_crc32C is not { } before)
        {
            return;
        }

        BigFsFile file = _reader.Map.File;
        uint crc32C = Crc32C.Combine(before, piece.Crc32C, piece.Length);
        _crc32C = crc32C;
        if (piece.Start + piece.Length == file.Size && crc32C != file.Crc32C)
        {
            throw new BigFsException(
                BigFsErrorCode.Damaged,
                $"The bytes of \"{file.Path}\" came with the checksum {crc32C:x8} instead of {file.Crc32C:x8}.")
            {
                Path = file.Path.ToString(),
            };
        }
    }

    /// <summary>Cuts the next piece: within one chunk, up to the window, which then grows.</summary>
    private (int Index, int Offset, int Length, long Start) Plan()
    {
        long start = _next;
        int index = _reader.Map.IndexOf(start);
        int offset = (int)(start - _reader.Map.StartOf(index));
        int length = (int)Math.Min(_window, _reader.Map[index].Length - offset);
        _next += length;
        _window = Math.Min(_window * 4, _largest);
        return (index, offset, length, start);
    }

    private async Task<Piece> FetchAsync((int Index, int Offset, int Length, long Start) plan)
    {
        byte[] buffer = await _buffers.RentAsync(plan.Length, _stop.Token).ConfigureAwait(false);
        uint crc32C = await _reader.ReadAsync(plan.Index, plan.Offset, buffer.AsMemory(0, plan.Length), _stop.Token).ConfigureAwait(false);
        return new Piece(buffer, plan.Length, plan.Start, crc32C);
    }

    /// <summary>Verified bytes of the file, from <paramref name="Start"/> on, and their checksum.</summary>
    internal readonly record struct Piece(byte[] Buffer, int Length, long Start, uint Crc32C)
    {
        /// <summary>The bytes.</summary>
        public ReadOnlyMemory<byte> Data => Buffer.AsMemory(0, Length);

        /// <summary>Whether a position lies in it.</summary>
        public bool Contains(long position) => position >= Start && position < Start + Length;
    }
}
