namespace BigFs.Core.Storage;

/// <summary>
/// Fills a log's prepared space with zeros ahead of small groups: their flushes write the file system's journal once in so many
/// bytes then, instead of each time. For large chunks it would double what the disk writes. Used by the log's loop.
/// </summary>
internal sealed class ZeroAhead(IDiskFile file)
{
    /// <summary>Bytes that are filled at once: 1 MiB.</summary>
    private const int Step = 1 << 20;

    /// <summary>So many groups without a large chunk come first.</summary>
    private const int SmallGroupsBefore = 8;

    private int _smallGroups;

    /// <summary>Up to where the space behind the log's end was filled.</summary>
    private long _zeroed;

    /// <summary>A group was written; fills on from its end when small ones have used up what was filled.</summary>
    /// <param name="hasLarge">Whether there is a large chunk in it.</param>
    /// <param name="groupEnd">Where it ends.</param>
    /// <param name="preparedEnd">Where the prepared space ends.</param>
    public async ValueTask WrittenAsync(bool hasLarge, long groupEnd, long preparedEnd)
    {
        _smallGroups = hasLarge ? 0 : _smallGroups + 1;
        int length = (int)Math.Min(Step, preparedEnd - groupEnd);
        if (_smallGroups > SmallGroupsBefore && groupEnd >= _zeroed && length >= Step / 4)
        {
            await file.ZeroAsync(groupEnd, length);
            _zeroed = groupEnd + length;
        }
    }

    /// <summary>The prepared space was given back.</summary>
    public void Forget() => _zeroed = 0;
}
