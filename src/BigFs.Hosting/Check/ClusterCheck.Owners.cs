using System.Collections.Immutable;
using System.Globalization;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.Check;

/// <content>
/// The index of owners against manifests, both ways: two streams in the same order. It decides what is deleted with the last
/// owner, so a row too few loses a chunk that a file needs, and a row too many keeps one for ever.
/// </content>
internal sealed partial class ClusterCheck
{
    private async Task CheckOwnersAsync(CancellationToken cancellationToken)
    {
        using IEnumerator<InspectedOwner> named = _scratch.Owners().GetEnumerator();
        bool isNamed = named.MoveNext();
        await foreach (InspectedOwner stored in StoredOwnersAsync(cancellationToken).ConfigureAwait(false))
        {
            while (isNamed && Compare(named.Current, stored) < 0)
            {
                await CheckUnownedAsync(named.Current, cancellationToken).ConfigureAwait(false);
                isNamed = named.MoveNext();
            }

            if (isNamed && named.Current == stored)
            {
                isNamed = named.MoveNext();
            }
            else if (stored.Version.Value != 0)
            {
                await CheckStrayAsync(stored, cancellationToken).ConfigureAwait(false);
            }
        }

        for (; isNamed; isNamed = named.MoveNext())
        {
            await CheckUnownedAsync(named.Current, cancellationToken).ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<InspectedOwner> StoredOwnersAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        InspectedOwner? after = null;
        while (await _rows.InspectOwnersAsync(after, _options.ChunksPerPage, cancellationToken).ConfigureAwait(false)
            is { IsEmpty: false } page)
        {
            foreach (InspectedOwner owner in page)
            {
                yield return owner;
            }

            after = page[^1];
        }
    }

    private static int Compare(InspectedOwner one, InspectedOwner other)
    {
        int byKey = ((long)one.Key.Value).CompareTo((long)other.Key.Value);
        return byKey != 0 ? byKey : ((long)one.Version.Value).CompareTo((long)other.Version.Value);
    }

    /// <summary>A manifest names the chunk, and the index did not: told when the version still stands and is still no owner.</summary>
    private async Task CheckUnownedAsync(InspectedOwner named, CancellationToken cancellationToken)
    {
        ChunkOwners now = await OwnersOfAsync(named.Key, cancellationToken).ConfigureAwait(false);
        if (now.Owners.Any(owner => owner.Version == named.Version)
            || (await _rows.InspectVersionAsync(named.Version, cancellationToken).ConfigureAwait(false)).Place is not { } place)
        {
            return;
        }

        await _report.AddAsync(new BigFsFinding
        {
            Kind = BigFsFindingKind.UnownedChunk,
            Path = await PathOfAsync(place, cancellationToken).ConfigureAwait(false),
            Key = named.Key.ToString(),
            Detail = now.IsDeleted
                ? "The file names a chunk whose deletion is recorded."
                : "The file names a chunk that the index of owners does not list as its own.",
        }).ConfigureAwait(false);
    }

    /// <summary>
    /// The index has an owner that no manifest was seen to be: told when the version does not name the chunk now either. The
    /// chunks of versions out of sight go page by page, so of those nothing is said.
    /// </summary>
    private async Task CheckStrayAsync(InspectedOwner stored, CancellationToken cancellationToken)
    {
        InspectedVersion version = await _rows.InspectVersionAsync(stored.Version, cancellationToken).ConfigureAwait(false);
        if (version.IsKept
            || (version.Place is { } place
                && await IsNamedAsync(place, stored, cancellationToken).ConfigureAwait(false)))
        {
            return;
        }

        // Once more, last: a version that is gone takes its rows with it, or before it.
        ChunkOwners now = await OwnersOfAsync(stored.Key, cancellationToken).ConfigureAwait(false);
        if (now.Owners.Any(owner => owner.Version == stored.Version))
        {
            await _report.AddAsync(new BigFsFinding
            {
                Kind = BigFsFindingKind.StrayOwner,
                Path = version.Place is { } at ? await PathOfAsync(at, cancellationToken).ConfigureAwait(false) : null,
                Key = stored.Key.ToString(),
                Detail = string.Create(
                    CultureInfo.InvariantCulture,
                    $"The index of owners lists version {stored.Version}, which {(version.Place is null ? "does not exist" : "does not name the chunk")}."),
            }).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the version names the chunk, as far as can be read; true when it is not there any more.</summary>
    private async Task<bool> IsNamedAsync(InspectedPlace place, InspectedOwner owner, CancellationToken cancellationToken)
    {
        InspectedEntry? entry = await _rows.InspectEntryAsync(place, cancellationToken).ConfigureAwait(false);
        if (entry is null || entry.Version != owner.Version || entry.Chunks.IsDefault)
        {
            return true;
        }

        int count = 0;
        ImmutableArray<ChunkReference> some = entry.Chunks;
        while (!some.IsEmpty)
        {
            if (some.Any(chunk => chunk.Key == owner.Key))
            {
                return true;
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
                return true; // Told as unreadable.
            }
        }

        return false;
    }

    private async Task<ChunkOwners> OwnersOfAsync(ChunkKey key, CancellationToken cancellationToken) =>
        (await _names.FindOwnersAsync([key], cancellationToken).ConfigureAwait(false)).Single();
}
