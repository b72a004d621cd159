using System.Collections.Immutable;
using System.Globalization;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;

namespace BigFs.Hosting.Check;

/// <summary>
/// Compares names, volume map and chunks of a cluster that serves, and changes nothing. Names are read a page at a time,
/// then each replica is read and held against them. What does not agree is looked at again before it is told: names, map
/// and chunks change meanwhile. Who cannot be asked is unknown: what it holds is neither there nor missing. One run at a
/// time; not thread-safe.
/// </summary>
internal sealed partial class ClusterCheck
{
    /// <summary>Keys of one question about owners.</summary>
    private const int KeysPerQuestion = 1024;

    private static readonly TimeSpan SessionPause = TimeSpan.FromMilliseconds(200);

    private readonly IMetadataStore _names;
    private readonly IMetadataInspection _rows;
    private readonly INodeManager _nodeManager;
    private readonly IDataNodeDirectory _dataNodes;
    private readonly CheckOptions _options;
    private readonly TimeProvider _time;
    private readonly CheckReport _report;
    private readonly CheckScratch _scratch;
    private long _directories, _files, _chunks, _replicas;
    private ClusterMap? _map;

    private ClusterCheck(
        IMetadataStore names,
        IMetadataInspection rows,
        INodeManager nodeManager,
        IDataNodeDirectory dataNodes,
        CheckOptions options,
        TimeProvider time,
        CheckReport report,
        CheckScratch scratch)
    {
        (_names, _rows, _nodeManager, _dataNodes, _options, _time) = (names, rows, nodeManager, dataNodes, options, time);
        (_report, _scratch) = (report, scratch);
    }

    /// <summary>Makes a check.</summary>
    /// <param name="names">The namespace as everyone sees it.</param>
    /// <param name="rows">The namespace as it is stored.</param>
    /// <param name="nodeManager">The volume map.</param>
    /// <param name="dataNodes">How datanodes are reached.</param>
    /// <param name="options">Settings.</param>
    /// <param name="time">Clock of the pauses.</param>
    /// <param name="tell">Where findings go, one after the other.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BigFsException">Unavailable, TimedOut: metadata or node manager could not be asked.</exception>
    public static async Task<BigFsCheckSummary> RunAsync(
        IMetadataStore names,
        IMetadataInspection rows,
        INodeManager nodeManager,
        IDataNodeDirectory dataNodes,
        CheckOptions options,
        TimeProvider time,
        Func<BigFsFinding, ValueTask> tell,
        CancellationToken cancellationToken)
    {
        using var scratch = new CheckScratch();
        var report = new CheckReport(tell, options.MostOfAKind);
        var check = new ClusterCheck(names, rows, nodeManager, dataNodes, options, time, report, scratch);
        return await check.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<BigFsCheckSummary> RunAsync(CancellationToken cancellationToken)
    {
        await ReadNamesAsync(cancellationToken).ConfigureAwait(false);
        await CheckTreeAsync(cancellationToken).ConfigureAwait(false);
        await CheckOwnersAsync(cancellationToken).ConfigureAwait(false);
        ClusterMap map = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        await CheckMapAsync(map, cancellationToken).ConfigureAwait(false);
        foreach (ClusterVolume volume in map.Volumes)
        {
            await CheckVolumeAsync(volume, map, cancellationToken).ConfigureAwait(false);
        }

        await CheckUnnamedAsync(cancellationToken).ConfigureAwait(false);
        InspectedTombstones tombstones = await _rows.InspectTombstonesAsync(cancellationToken).ConfigureAwait(false);
        if (tombstones.All > 0)
        {
            await _report.AddAsync(new BigFsFinding
            {
                Kind = BigFsFindingKind.Tombstones,
                Detail = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{tombstones.All} deletions are still to be carried out; {tombstones.PutOff} of them wait for a member."),
            }).ConfigureAwait(false);
        }

        return new BigFsCheckSummary
        {
            Directories = _directories,
            Files = _files,
            Chunks = _chunks,
            Volumes = map.Volumes.Length,
            Replicas = _replicas,
            Counts = _report.Counts,
        };
    }

    private async Task<ClusterMap> RefreshMapAsync(CancellationToken cancellationToken)
    {
        ClusterMap? newer = await _nodeManager.GetMapAsync(_map?.Version ?? -1, cancellationToken).ConfigureAwait(false);
        return _map = newer ?? _map
            ?? throw new BigFsException(BigFsErrorCode.Unavailable, "The node manager gave no cluster map.");
    }

    /// <summary>
    /// What is known of the keys now: null for those that nobody names or whose deletion is recorded or follows, else a path.
    /// </summary>
    private async Task<Dictionary<ChunkKey, BigFsPath>> NamedAsync(
        IReadOnlyList<ChunkKey> keys, CancellationToken cancellationToken)
    {
        var named = new Dictionary<ChunkKey, BigFsPath>();
        foreach (ChunkKey[] some in keys.Chunk(KeysPerQuestion))
        {
            ImmutableArray<ChunkOwners> owners =
                await _names.FindOwnersAsync([.. some], cancellationToken).ConfigureAwait(false);
            foreach (ChunkOwners one in owners.Where(one => !one.IsDeleted))
            {
                if (one.Owners.FirstOrDefault(owner => owner.Path is not null).Path is { } path)
                {
                    named[one.Chunk] = path;
                }
            }
        }

        return named;
    }
}
