using BigFs.Core.Model;

namespace BigFs.Core.Control;

/// <summary>What a caller has of a file that it opened before, whose content is one chunk.</summary>
/// <param name="Version">The version.</param>
/// <param name="Volume">The volume of its chunk.</param>
/// <param name="Epoch">The volume's epoch when the caller was told where it is; members change with the epoch only.</param>
public sealed record KnownFile(BigFsVersion Version, VolumeId Volume, long Epoch)
{
    /// <summary>What is worth knowing of an opened file; null when its content is not one chunk, or nobody knows where that is.</summary>
    public static KnownFile? Of(OpenedFile opened) =>
        opened is { Content.IsEmpty: true, Manifest: [var chunk], Locations: [var place], Chunks: <= 1 } && place.Volume == chunk.Volume
            ? new KnownFile(opened.File.Version, place.Volume, place.Epoch)
            : null;

    /// <summary>Whether an opened file is the one that is known, and where it was.</summary>
    public bool Holds(OpenedFile opened) => Of(opened) == this;
}

/// <summary>What stands at a path now, other than what the caller knows; null when nothing does.</summary>
public sealed record OpenedChange(OpenedFile? Found);
