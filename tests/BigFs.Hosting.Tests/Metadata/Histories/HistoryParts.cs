namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>
/// A history taken apart into histories that do not touch each other, each of what stands at one path below a common
/// directory: linearizability of the whole is that of each (Horn and Kroening, 2015).
/// </summary>
internal static class HistoryParts
{
    /// <summary>The parts by the paths that they are about.</summary>
    public static ILookup<BigFsPath, HistoryEvent> Split(IEnumerable<HistoryEvent> events, BigFsPath directory) =>
        events.ToLookup(one => PartOf(one.Call, directory));

    /// <summary>The path of the part that a call belongs to.</summary>
    public static BigFsPath PartOf(Call call, BigFsPath directory)
    {
        BigFsPath path = call switch
        {
            FindCall find => find.Path,
            ListCall list => list.Directory,
            BeginCall begin => begin.Path,
            PutCall put => put.Path,
            MakeDirectoryCall make => make.Path,
            DeleteCall delete => delete.Path,
            MoveCall move when PartOf(move.Source, directory) == PartOf(move.Destination, directory) => move.Source,
            _ => throw new ArgumentException($"{call} belongs to no part below {directory}", nameof(call)),
        };
        return PartOf(path, directory);
    }

    private static BigFsPath PartOf(BigFsPath path, BigFsPath directory) =>
        path.IsBelow(directory)
            ? directory / path.Segments[directory.Segments.Count]
            : throw new ArgumentException($"{path} does not lie below {directory}", nameof(path));
}
