using System.Globalization;
using System.Text;
using BigFs.Core.Chunking;
using BigFs.Core.Faults;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>Who a datanode is and what it must remember besides its volumes; kept in its folder's identity file.</summary>
public sealed record NodeIdentity
{
    /// <summary>The node's id: made once, never changed.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The cluster it belongs to; null before it was adopted.</summary>
    public Guid? ClusterId { get; init; }

    /// <summary>The highest term that an order of a node manager carried; 0 before the first.</summary>
    public long Term { get; init; }

    /// <summary>The highest generation of the namespace that a deletion carried; 0 before the first.</summary>
    public long Generation { get; init; }

    /// <summary>In the file: whether the node stopped cleanly. Of an open store: whether it had before this start.</summary>
    public bool CleanStart { get; init; }
}

/// <summary>
/// The identity file: six lines of text and a checksum line over them, as <c>docs/on-disk-format.md</c> describes. It is
/// replaced as a whole: temporary file, sync, rename, directory sync.
/// </summary>
internal static class NodeIdentityFile
{
    public const string Name = "identity";
    private const string TemporaryName = "identity.tmp";
    private const string FirstWord = "bigfs-datanode";
    private const int FormatVersion = 2;
    private const int FirstWithGeneration = 2;
    private const int MostBytes = 4096;

    /// <summary>Reads the identity; null when there is none.</summary>
    /// <exception cref="BigFsException">DataUnreadable: damaged, or of a newer format.</exception>
    public static async ValueTask<NodeIdentity?> LoadAsync(IDisk disk, string directory)
    {
        string path = Path.Combine(directory, Name);
        if (!(await disk.ListFilesAsync(directory)).Contains(Name))
        {
            return null;
        }

        await using IDiskFile file = await disk.OpenFileAsync(path);
        var bytes = new byte[MostBytes];
        int length = await file.ReadAsync(0, bytes);
        return Parse(Encoding.UTF8.GetString(bytes, 0, length), path);
    }

    /// <summary>Replaces the identity, durably.</summary>
    public static async ValueTask SaveAsync(IDisk disk, string directory, NodeIdentity identity)
    {
        string temporary = Path.Combine(directory, TemporaryName);
        await using (IDiskFile file = await disk.CreateFileAsync(temporary))
        {
            await file.WriteAsync(0, Encoding.UTF8.GetBytes(Format(identity)));
            await file.SyncAsync();
        }

        CrashPoint.Reach("identity.before-rename");
        await disk.RenameAsync(temporary, Path.Combine(directory, Name));
        CrashPoint.Reach("identity.before-directory-sync");
        await disk.SyncDirectoryAsync(directory);
        CrashPoint.Reach("identity.after-directory-sync");
    }

    public static string Format(NodeIdentity identity) => Format(identity, FormatVersion);

    private static string Format(NodeIdentity identity, int version)
    {
        string generation = version < FirstWithGeneration
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"generation {identity.Generation}\n");
        string lines = string.Create(
            CultureInfo.InvariantCulture,
            $"{FirstWord} {version}\nnode {identity.Node}\ncluster {identity.ClusterId?.ToString("N") ?? "none"}\n"
            + $"term {identity.Term}\n{generation}clean {(identity.CleanStart ? "yes" : "no")}\n");
        return lines + $"crc32c {Crc32C.Compute(Encoding.UTF8.GetBytes(lines)):x8}\n";
    }

    public static NodeIdentity Parse(string text, string path)
    {
        string[] lines = text.Split('\n');
        string[] first = lines[0].Split(' ');
        if (first is not [FirstWord, var written] || !int.TryParse(written, CultureInfo.InvariantCulture, out int version))
        {
            throw Unreadable(path, "it is damaged");
        }

        if (version > FormatVersion)
        {
            throw Unreadable(path, $"its format {version} is newer than the {FormatVersion} that this version knows");
        }

        int clean = version < FirstWithGeneration ? 4 : 5;
        string? node = Value(lines, 1, "node"), cluster = Value(lines, 2, "cluster"), term = Value(lines, 3, "term");
        bool legal = NodeId.TryParse(node, out NodeId id);
        legal &= long.TryParse(term, CultureInfo.InvariantCulture, out long highest);
        long generation = 0;
        legal &= version < FirstWithGeneration
            || long.TryParse(Value(lines, 4, "generation"), CultureInfo.InvariantCulture, out generation);
        legal &= Guid.TryParseExact(cluster, "N", out Guid clusterId) || cluster == "none";
        var identity = new NodeIdentity
        {
            Node = id,
            ClusterId = cluster == "none" ? null : clusterId,
            Term = highest,
            Generation = generation,
            CleanStart = Value(lines, clean, "clean") == "yes",
        };

        // Writing it again must give the same text: that checks every line and the checksum at once.
        return legal && Format(identity, version) == text ? identity : throw Unreadable(path, "it is damaged");
    }

    private static string? Value(string[] lines, int line, string name) =>
        line < lines.Length && lines[line].StartsWith(name + " ", StringComparison.Ordinal)
            ? lines[line][(name.Length + 1)..]
            : null;

    private static BigFsException Unreadable(string path, string reason) =>
        new(BigFsErrorCode.DataUnreadable, $"The identity file \"{path}\" cannot be used: {reason}.");
}
