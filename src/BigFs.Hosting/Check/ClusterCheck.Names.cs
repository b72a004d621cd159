using System.Collections.Immutable;
using System.Globalization;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;

namespace BigFs.Hosting.Check;

/// <content>Names: every row once, then the tree that they should form.</content>
internal sealed partial class ClusterCheck
{
    private const int MostRereads = 3;

    private const int DeepestPath = 4096;

    /// <summary>Directories out of reach that are looked at one by one.</summary>
    private const int MostTroubles = 10_000;

    private async Task ReadNamesAsync(CancellationToken cancellationToken)
    {
        InspectedPlace at = default;
        while (true)
        {
            ImmutableArray<InspectedEntry> page = await _rows.InspectEntriesAsync(
                at, _options.EntriesPerPage, cancellationToken).ConfigureAwait(false);
            if (page.IsEmpty)
            {
                break;
            }

            foreach (InspectedEntry entry in page)
            {
                _scratch.AddParent(entry.Place.Directory);
                if (entry.Id is { } id)
                {
                    _directories++;
                    _scratch.AddDirectory(id, entry.Place.Directory);
                }
                else
                {
                    _files++;
                    await ReadFileAsync(entry, cancellationToken).ConfigureAwait(false);
                }
            }

            at = page[^1].Place;
        }

        long dead = 0;
        while (await _rows.InspectDeadDirectoriesAsync(dead, _options.EntriesPerPage, cancellationToken)
            .ConfigureAwait(false) is { IsEmpty: false } page)
        {
            foreach (long id in page)
            {
                _scratch.AddDead(id);
            }

            dead = page[^1];
        }

        _scratch.Sort();
    }

    /// <summary>A file's references; when they do not add up, the row is read again: it may have been replaced meanwhile.</summary>
    private async Task ReadFileAsync(InspectedEntry entry, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            (BigFsFindingKind? problem, string detail) = await AddReferencesAsync(entry, cancellationToken).ConfigureAwait(false);
            if (problem is not { } kind)
            {
                return;
            }

            InspectedEntry? now = await _rows.InspectEntryAsync(entry.Place, cancellationToken).ConfigureAwait(false);
            if (now is null || now.Id is not null)
            {
                return;
            }

            if (now.Version == entry.Version || attempt == MostRereads)
            {
                await _report.AddAsync(new BigFsFinding
                {
                    Kind = kind,
                    Path = await PathOfAsync(entry.Place, cancellationToken).ConfigureAwait(false),
                    Detail = detail,
                }).ConfigureAwait(false);
                return;
            }

            entry = now;
        }
    }

    private async Task<(BigFsFindingKind? Problem, string Detail)> AddReferencesAsync(
        InspectedEntry entry, CancellationToken cancellationToken)
    {
        if (entry.ContentBytes is { } held)
        {
            return held < 0 ? (BigFsFindingKind.UnreadableFile, "The content that the metadata should hold is missing.")
                : held != entry.Size ? (BigFsFindingKind.WrongSize, Sizes(held, entry.Size))
                : (null, "");
        }

        if (entry.Chunks.IsDefault)
        {
            return (BigFsFindingKind.UnreadableFile, "Its manifest cannot be read.");
        }

        long bytes = 0;
        int count = 0;
        ImmutableArray<ChunkReference> some = entry.Chunks;
        while (!some.IsEmpty)
        {
            foreach (ChunkReference chunk in some)
            {
                bytes += chunk.Length;
                _chunks++;
                _scratch.AddReference(chunk, entry.Version);
            }

            count += some.Length;
            try
            {
                some = entry.HasMore
                    ? await _rows.InspectManifestAsync(entry.Version, count, cancellationToken).ConfigureAwait(false)
                    : [];
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
            {
                return (BigFsFindingKind.UnreadableFile, exception.Message);
            }
        }

        return bytes == entry.Size ? (null, "") : (BigFsFindingKind.WrongSize, Sizes(bytes, entry.Size));
    }

    private static string Sizes(long found, long size) => string.Create(
        CultureInfo.InvariantCulture, $"Its content adds up to {found} bytes, but the file has {size}.");

    private async Task CheckTreeAsync(CancellationToken cancellationToken)
    {
        foreach (long id in _scratch.MissingParents(MostTroubles))
        {
            await CheckMissingParentAsync(id, cancellationToken).ConfigureAwait(false);
        }

        var told = new HashSet<long>();
        foreach (long id in _scratch.Unreachable(SqliteMetadataSchema.RootId, MostTroubles))
        {
            await CheckUnreachableAsync(id, told, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task CheckMissingParentAsync(long id, CancellationToken cancellationToken)
    {
        ImmutableArray<InspectedEntry> inside = await _rows.InspectEntriesAsync(
            new InspectedPlace(id, ""), 1, cancellationToken).ConfigureAwait(false);
        if (inside is [var entry] && entry.Place.Directory == id
            && await _rows.InspectDirectoryAsync(id, cancellationToken).ConfigureAwait(false) is null
            && !await IsDeadAsync(id, cancellationToken).ConfigureAwait(false))
        {
            await _report.AddAsync(new BigFsFinding
            {
                Kind = BigFsFindingKind.DanglingEntry,
                Path = ".../" + entry.Place.Name,
                Detail = string.Create(
                    CultureInfo.InvariantCulture,
                    $"\"{entry.Place.Name}\", and what else stands there, is in directory {id}, which does not exist."),
            }).ConfigureAwait(false);
        }
    }

    /// <summary>Follows a directory upward as things are now: only a circle is told; what dangles was told by its parent.</summary>
    private async Task CheckUnreachableAsync(long id, HashSet<long> told, CancellationToken cancellationToken)
    {
        var passed = new List<long>();
        long at = id;
        while (at != SqliteMetadataSchema.RootId && !told.Contains(at))
        {
            int circle = passed.IndexOf(at);
            if (circle >= 0)
            {
                told.UnionWith(passed);
                await _report.AddAsync(new BigFsFinding
                {
                    Kind = BigFsFindingKind.DirectoryCycle,
                    Path = await PathOfAsync(new InspectedPlace(at, ""), cancellationToken).ConfigureAwait(false),
                    Detail = string.Create(
                        CultureInfo.InvariantCulture,
                        $"{passed.Count - circle} directories stand in each other in a circle: {string.Join(", ", passed.Skip(circle).Take(10))}."),
                }).ConfigureAwait(false);
                return;
            }

            passed.Add(at);
            if (await _rows.InspectDirectoryAsync(at, cancellationToken).ConfigureAwait(false) is not { } row)
            {
                return;
            }

            at = row.Place.Directory;
        }

        told.UnionWith(passed);
    }

    private async Task<bool> IsDeadAsync(long id, CancellationToken cancellationToken) =>
        await _rows.InspectDeadDirectoriesAsync(id - 1, 1, cancellationToken).ConfigureAwait(false) is [var found] && found == id;

    /// <summary>The path of a place as far as it leads up; "..." where it does not come to the root.</summary>
    private async Task<string> PathOfAsync(InspectedPlace place, CancellationToken cancellationToken)
    {
        var names = new Stack<string>();
        if (place.Name is { Length: > 0 } name)
        {
            names.Push(name);
        }

        long at = place.Directory;
        for (int depth = 0; at != SqliteMetadataSchema.RootId; depth++)
        {
            if (depth > DeepestPath
                || await _rows.InspectDirectoryAsync(at, cancellationToken).ConfigureAwait(false) is not { } row)
            {
                return ".../" + string.Join('/', names);
            }

            names.Push(row.Place.Name!);
            at = row.Place.Directory;
        }

        return "/" + string.Join('/', names);
    }
}
