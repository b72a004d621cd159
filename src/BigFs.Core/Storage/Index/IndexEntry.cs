namespace BigFs.Core.Storage;

/// <summary>What an index knows of one key: 24 bytes, in memory and in a file.</summary>
/// <param name="Key">The chunk's key.</param>
/// <param name="Place">Where the payload begins in the log, the highest bit set when the key is deleted.</param>
/// <param name="Length">Bytes of the payload; 0 when only a delete mark is known.</param>
/// <param name="Crc32C">Checksum of the payload; 0 when only a delete mark is known.</param>
internal readonly record struct IndexEntry(ulong Key, long Place, int Length, uint Crc32C)
{
    private const long DeletedFlag = long.MinValue;

    /// <summary>Whether a delete mark stands.</summary>
    public bool IsDeleted => Place < 0;

    /// <summary>Where the payload begins; 0 when only a delete mark is known.</summary>
    public long Offset => Place & ~DeletedFlag;

    public static IndexEntry Chunk(ulong key, long offset, int length, uint crc) => new(key, offset, length, crc);

    public static IndexEntry Mark(ulong key) => new(key, DeletedFlag, 0, 0);

    /// <summary>
    /// What two findings about one key amount to, whichever came first: the first chunk stays, and a delete mark wins.
    /// </summary>
    public static IndexEntry Combine(in IndexEntry older, in IndexEntry newer)
    {
        IndexEntry chunk = older.Offset != 0 ? older : newer;
        return older.IsDeleted || newer.IsDeleted ? chunk with { Place = chunk.Place | DeletedFlag } : chunk;
    }
}
