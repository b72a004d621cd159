using BigFs.Core.Storage;

namespace BigFs.Hosting.Access;

/// <summary>
/// Files that hold secrets: made for their owner alone, and durable, name included, before anybody relies on them. Goes over
/// Core's disk, whose syncs report their errors.
/// </summary>
internal static class PrivateFile
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes a new file; its content is durable, its name after <see cref="SyncFolder"/>.</summary>
    /// <param name="disk">Where.</param>
    /// <param name="file">Its full path; its folder is made when it is missing.</param>
    /// <param name="content">What it holds.</param>
    /// <exception cref="IOException">Also when it is there already, or the disk fails (<see cref="DiskException"/>).</exception>
    public static void Write(IDisk disk, string file, ReadOnlySpan<byte> content)
    {
        Wait(disk.CreateDirectoryAsync(Path.GetDirectoryName(file)!));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Owner;
        }

        using (var stream = new FileStream(file, options))
        {
            stream.Write(content);
        }

        Sync(disk, file);
    }

    /// <summary>Makes the names in a file's folder durable.</summary>
    public static void SyncFolder(IDisk disk, string file) => Wait(disk.SyncDirectoryAsync(Path.GetDirectoryName(file)!));

    private static void Sync(IDisk disk, string file)
    {
        ValueTask<IDiskFile> opening = disk.OpenFileAsync(file);
        IDiskFile opened = opening.AsTask().GetAwaiter().GetResult();
        try
        {
            Wait(opened.SyncAsync());
        }
        finally
        {
            Wait(opened.DisposeAsync());
        }
    }

    // Once at a start, on threads of the disk's own: nobody's loop waits here.
    private static void Wait(ValueTask work) => work.AsTask().GetAwaiter().GetResult();
}
