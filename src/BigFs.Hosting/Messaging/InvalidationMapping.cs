using System.Collections.Immutable;
using BigFs.Core.Messaging;

namespace BigFs.Hosting.Messaging;

/// <summary>Invalidations of metadata, to and from their form on the wire.</summary>
internal static class InvalidationMapping
{
    public static Protocol.MetadataInvalidated ToProto(MetadataInvalidated invalidated) => new()
    {
        Paths = { invalidated.Paths.Select(path => path.ToString()) },
        Trees = { invalidated.Trees.Select(path => path.ToString()) },
    };

    /// <summary>The event; null when it names too many paths, none, or something that is none.</summary>
    public static MetadataInvalidated? FromProto(Protocol.MetadataInvalidated proto) =>
        proto.Paths.Count + proto.Trees.Count is > 0 and <= MetadataInvalidated.MaxPaths
        && Paths(proto.Paths) is { } paths
        && Paths(proto.Trees) is { } trees
            ? new MetadataInvalidated { Paths = paths, Trees = trees }
            : null;

    private static ImmutableArray<BigFsPath>? Paths(IReadOnlyCollection<string> texts)
    {
        var paths = ImmutableArray.CreateBuilder<BigFsPath>(texts.Count);
        foreach (string text in texts)
        {
            if (!BigFsPath.TryParse(text, null, out BigFsPath path))
            {
                return null;
            }

            paths.Add(path);
        }

        return paths.MoveToImmutable();
    }
}
