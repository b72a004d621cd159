using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <summary>What all volumes of a node share.</summary>
internal sealed record VolumeContext(
    IDisk Disk, VolumeStoreOptions Options, NodeId Node, LogResources Shared, TimeProvider Time, ILogger Logger)
{
    private const string Extension = ".log";
    private const string TemporaryExtension = ".tmp";

    /// <summary>The folder of the volume logs.</summary>
    public string Folder { get; } = FolderOf(Options);

    public static string FolderOf(VolumeStoreOptions options) => Path.Combine(options.DataDirectory, "volumes");

    /// <summary>Whether the file is one that a creation left unfinished.</summary>
    public static bool IsLeftover(string name) => name.EndsWith(TemporaryExtension, StringComparison.Ordinal);

    /// <summary>The volume whose log has this file name; null when it is no log's.</summary>
    public static VolumeId? VolumeOf(string name)
    {
        string stem = Path.GetFileNameWithoutExtension(name);
        return long.TryParse(stem, out long id) && NameOf(new VolumeId(id)) == name ? new VolumeId(id) : null;
    }

    public string PathOf(VolumeId volume) => Path.Combine(Folder, NameOf(volume));

    public string TemporaryPathOf(VolumeId volume) => PathOf(volume) + TemporaryExtension;

    private static string NameOf(VolumeId volume) => volume + Extension;
}
