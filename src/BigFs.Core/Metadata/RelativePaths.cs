using System.Text;
using System.Text.Unicode;

namespace BigFs.Core.Metadata;

/// <summary>
/// Paths below one directory from their UTF-8, each given by what it shares with the one before it and what follows. Names
/// are checked as every path is, but the directory, which is one already, is not checked again with each. Not thread-safe.
/// </summary>
internal sealed class RelativePaths
{
    private readonly string _prefix;
    private readonly int _prefixBytes;
    private readonly int _depth;
    private readonly byte[] _name = new byte[BigFsPath.MaxPathBytes];
    private int _length;

    public RelativePaths(BigFsPath directory)
    {
        _prefix = directory.IsRoot ? "/" : directory.ToString() + "/";
        _prefixBytes = Encoding.UTF8.GetByteCount(_prefix);
        _depth = directory.Segments.Count;
    }

    /// <summary>The next path; false when it is no legal one.</summary>
    /// <param name="shared">Bytes that it has in common with the one before.</param>
    /// <param name="rest">The bytes that follow those.</param>
    /// <param name="path">The path.</param>
    public bool TryNext(int shared, ReadOnlySpan<byte> rest, out BigFsPath path)
    {
        path = default;
        if (shared > _length || _prefixBytes + shared + rest.Length > BigFsPath.MaxPathBytes)
        {
            return false;
        }

        rest.CopyTo(_name.AsSpan(shared));
        _length = shared + rest.Length;
        ReadOnlySpan<byte> name = _name.AsSpan(0, _length);
        if (name.Contains((byte)'/'))
        {
            return Utf8.IsValid(name) && BigFsPath.TryParse(_prefix + Encoding.UTF8.GetString(name), null, out path);
        }

        bool legal = name.Length is > 0 and <= BigFsPath.MaxNameBytes
            && _depth < BigFsPath.MaxDepth
            && !name.Contains((byte)0)
            && !name.SequenceEqual("."u8)
            && !name.SequenceEqual(".."u8)
            && Utf8.IsValid(name);
        if (legal)
        {
            path = BigFsPath.Checked(string.Concat(_prefix, Encoding.UTF8.GetString(name)));
        }

        return legal;
    }
}
