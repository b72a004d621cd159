using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <summary>What all volumes of a node share.</summary>
internal sealed record VolumeContext(
    IDisk Disk, VolumeStoreOptions Options, NodeId Node, LogResources Shared, TimeProvider Time, ILogger Logger)
{
    private const string Extension = ".log";
    private const string IndexExtension = ".idx";
    private const string TemporaryExtension = ".tmp";

    /// <summary>The folder of the volume logs.</summary>
    public string Folder { get; } = FolderOf(Options);

    /// <summary>Pages of index files in memory.</summary>
    public IndexPageCache IndexCache { get; } = new(Options.IndexCacheBytes);

    public static string FolderOf(VolumeStoreOptions options) => Path.Combine(options.DataDirectory, "volumes");

    /// <summary>Whether the file is one that a creation left unfinished.</summary>
    public static bool IsLeftover(string name) => name.EndsWith(TemporaryExtension, StringComparison.Ordinal);

    /// <summary>The volume whose log has this file name; null when it is no log's.</summary>
    public static VolumeId? VolumeOf(string name)
    {
        string stem = Path.GetFileNameWithoutExtension(name);
        return long.TryParse(stem, out long id) && NameOf(new VolumeId(id)) == name ? new VolumeId(id) : null;
    }

    /// <summary>The volume whose index has this file name; null when it is no index's.</summary>
    public static VolumeId? IndexVolumeOf(string name)
    {
        string stem = Path.GetFileNameWithoutExtension(name);
        return long.TryParse(stem, out long id) && new VolumeId(id) + IndexExtension == name ? new VolumeId(id) : null;
    }

    public string PathOf(VolumeId volume) => Path.Combine(Folder, NameOf(volume));

    public string TemporaryPathOf(VolumeId volume) => PathOf(volume) + TemporaryExtension;

    public string IndexPathOf(VolumeId volume) => Path.Combine(Folder, volume + IndexExtension);

    public string TemporaryIndexPathOf(VolumeId volume) => IndexPathOf(volume) + TemporaryExtension;

    /// <summary>Removes what a failed write left; a start removes it otherwise.</summary>
    public async ValueTask TryDeleteAsync(string path)
    {
        try
        {
            await Disk.DeleteFileAsync(path);
        }
        catch (DiskException exception)
        {
            StorageEvents.LeftoverStays(Logger, exception, path);
        }
    }

    public Guid NewSalt() => Options.NewGuid();

    private static string NameOf(VolumeId volume) => volume + Extension;
}
