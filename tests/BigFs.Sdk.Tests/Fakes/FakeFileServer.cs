using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Sdk.Tests.Fakes;

internal sealed class FakeFileServer(FakeCluster cluster) : IFileServer
{
    private readonly ConcurrentDictionary<Guid, BeginUploadRequest> _sessions = new();
    private readonly ConcurrentDictionary<Guid, BeginSharedRequest> _shared = new();
    private readonly ConcurrentDictionary<Guid, bool> _abortedFiles = new();
    private readonly ConcurrentDictionary<Guid, CommittedFile> _committed = new();
    private long _version;

    /// <summary>Called at the beginning of each call with its name; may throw or wait.</summary>
    public Func<string, CancellationToken, Task>? Before { get; set; }

    public ConcurrentQueue<string> Calls { get; } = new();

    public ConcurrentQueue<ImmutableArray<NodeId>> Avoided { get; } = new();

    public ConcurrentQueue<int> Asked { get; } = new();

    public ConcurrentQueue<Guid> Operations { get; } = new();

    public ConcurrentQueue<ImmutableArray<ChunkReference>> Aborted { get; } = new();

    public ConcurrentQueue<CommitUploadRequest> Commits { get; } = new();

    public ConcurrentQueue<CommitFileRequest> FileCommits { get; } = new();

    public ConcurrentQueue<ReplicaFault> Reports { get; } = new();

    public ConcurrentQueue<int> PageSizes { get; } = new();

    public ConcurrentQueue<TimeSpan> Staleness { get; } = new();

    public List<BigFsEntry> Entries { get; } = [];

    public TimeSpan TimeToLive { get; set; } = TimeSpan.FromMinutes(1);

    public Func<OpenedFile, OpenedFile> OnOpen { get; set; } = opened => opened;

    public int Count(string call) => Calls.Count(name => name == call);

    public async ValueTask<UploadTicket> BeginUploadAsync(BeginUploadRequest request, int grants, CancellationToken cancellationToken)
    {
        await EnterAsync("begin", cancellationToken);
        Operations.Enqueue(request.Operation);
        Asked.Enqueue(grants);
        _sessions[request.Operation] = request;
        return Ticket(request.Operation, grants);
    }

    public async ValueTask<UploadTicket> BeginSharedAsync(
        BeginSharedRequest request, int grants, CancellationToken cancellationToken)
    {
        await EnterAsync("begin-shared", cancellationToken);
        Operations.Enqueue(request.Operation);
        Asked.Enqueue(grants);
        UploadTicket ticket = Ticket(request.Operation, grants);
        _shared[request.Operation] = request;
        return ticket;
    }

    public async ValueTask<ImmutableArray<ChunkGrant>> GrantAsync(
        Guid session,
        int replicas,
        int count,
        ImmutableArray<NodeId> avoid,
        bool together,
        CancellationToken cancellationToken)
    {
        await EnterAsync("grant", cancellationToken);
        Avoided.Enqueue(avoid);
        Asked.Enqueue(count);
        return [.. Enumerable.Range(0, count).Select(_ => cluster.MakeGrant(avoid)
            ?? throw new BigFsException(BigFsErrorCode.NotEnoughNodes, "Too few datanodes."))];
    }

    public async ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken)
    {
        await EnterAsync("renew", cancellationToken);
        if (!_sessions.ContainsKey(session) && !_shared.ContainsKey(session))
        {
            throw new BigFsException(BigFsErrorCode.SessionExpired, "The session has ended.");
        }
    }

    public async ValueTask<CommittedFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("commit", cancellationToken);
        Commits.Enqueue(request);
        Operations.Enqueue(request.Operation);
        if (_committed.TryGetValue(request.Operation, out CommittedFile? first))
        {
            return first;
        }

        if (!_sessions.TryRemove(request.Session, out BeginUploadRequest? begun))
        {
            throw new BigFsException(BigFsErrorCode.SessionExpired, "The session has ended.");
        }

        ImmutableArray<ChunkReference> staged =
            [.. Staged.Where(part => part.Session == request.Session).DistinctBy(part => part.First).OrderBy(part => part.First).SelectMany(part => part.Chunks)];
        Assert.That(KeepsParts ? staged.Length : request.Staged, Is.EqualTo(request.Staged));
        ImmutableArray<ChunkReference> all = [.. staged, .. request.Manifest];
        Assert.That(KeepsParts ? all.Sum(chunk => (long)chunk.Length) : request.Size, Is.EqualTo(request.Size));
        return Commit(request.Operation, begun.Path, request.Size, request.Crc32C, all, default);
    }

    public async ValueTask<CommittedFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("commit-file", cancellationToken);
        FileCommits.Enqueue(request);
        Operations.Enqueue(request.Operation);
        MetadataChecks.Check(request);
        if (_committed.TryGetValue(request.Operation, out CommittedFile? first))
        {
            return first;
        }

        return (request.Session is not { } session || _shared.ContainsKey(session)) && !_abortedFiles.ContainsKey(request.Operation)
            ? Commit(request.Operation, request.Path, request.Size, request.Crc32C, request.Manifest, request.Content)
            : throw new BigFsException(BigFsErrorCode.SessionExpired, "The session has ended.");
    }

    public async ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("abort-file", cancellationToken);
        if (!_committed.ContainsKey(request.Operation) && _abortedFiles.TryAdd(request.Operation, true))
        {
            Aborted.Enqueue(request.Written);
        }
    }

    /// <summary>Ends the sessions that small files share.</summary>
    public void EndShared() => _shared.Clear();

    public async ValueTask AbortUploadAsync(Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        await EnterAsync("abort", cancellationToken);
        if (!_shared.TryRemove(session, out _))
        {
            _sessions.TryRemove(session, out _);
            Aborted.Enqueue(written);
        }
    }

    public ValueTask<OpenedFile?> OpenStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        Staleness.Enqueue(maxStaleness);
        return OpenAsync(path, cancellationToken);
    }

    public ValueTask<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        Staleness.Enqueue(maxStaleness);
        return FindAsync(path, cancellationToken);
    }

    public async ValueTask<OpenedFile?> OpenAsync(BigFsPath path, CancellationToken cancellationToken)
    {
        await EnterAsync("open", cancellationToken);
        return Open(path);
    }

    public async ValueTask<OpenedChange?> OpenChangedAsync(BigFsPath path, KnownFile known, CancellationToken cancellationToken)
    {
        await EnterAsync("open-changed", cancellationToken);
        return Open(path) is { } opened && known.Holds(opened) ? null : new OpenedChange(Open(path));
    }

    private OpenedFile? Open(BigFsPath path) =>
        cluster.Files.TryGetValue(path, out var found)
            ? OnOpen(new OpenedFile
            {
                File = found.File,
                Manifest = found.Manifest,
                Locations = cluster.Locate(found.Manifest.Select(chunk => chunk.Volume)),
                Content = found.Content,
            })
            : null;

    public async ValueTask<ImmutableArray<VolumeLocation>> LocateAsync(
        ImmutableArray<VolumeId> volumes, CancellationToken cancellationToken)
    {
        await EnterAsync("locate", cancellationToken);
        return cluster.Locate(volumes);
    }

    public async ValueTask<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken)
    {
        await EnterAsync("find", cancellationToken);
        return cluster.Files.TryGetValue(path, out var found) ? found.File : null;
    }

    public async IAsyncEnumerable<EntryPage> StreamAsync(
        MetadataListRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (string? after = request.After; after is not null;)
        {
            MetadataPage page = await ListAsync(request with { After = after }, cancellationToken);
            if (!page.Entries.IsEmpty)
            {
                yield return EntryPage.Of(request.Directory, page.Entries);
            }

            after = page.Next;
        }
    }

    public async ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("list", cancellationToken);
        PageSizes.Enqueue(request.Limit);
        var rest = Entries
            .Where(entry => entry.Path.Parent == request.Directory
                && entry.Path.Name.StartsWith(request.Prefix, StringComparison.Ordinal)
                && BigFsPath.CompareNames(entry.Path.Name, request.After) > 0)
            .OrderBy(entry => entry.Path)
            .ToList();
        var page = rest.Take(request.Limit).ToImmutableArray();
        return new MetadataPage(page, rest.Count > page.Length ? page[^1].Path.Name : null);
    }

    public async ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        await EnterAsync("mkdir", cancellationToken);
        Operations.Enqueue(operation);
        Entries.Add(new BigFsDirectory { Path = path });
    }

    public async ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        Operations.Enqueue(request.Operation);
        await EnterAsync("delete", cancellationToken);
        return cluster.Files.TryRemove(request.Path, out _);
    }

    public async ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        Operations.Enqueue(request.Operation);
        await EnterAsync("move", cancellationToken);
        return new BigFsFile { Path = request.Destination };
    }

    public ConcurrentQueue<StageChunksRequest> Staged { get; } = new();

    /// <summary>False for uploads whose own memory is looked at.</summary>
    public bool KeepsParts { get; set; } = true;

    public ConcurrentQueue<BigFsVersion> Renewed { get; } = new();

    /// <summary>The jobs, by id; a look-up makes what <see cref="OnJob"/> says of one.</summary>
    public ConcurrentDictionary<Guid, MetadataJob> Jobs { get; } = new();

    public Func<MetadataJob, MetadataJob> OnJob { get; set; } = job => job;

    public async ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("stage", cancellationToken);
        MetadataChecks.Check(request);
        if (KeepsParts)
        {
            Staged.Enqueue(request);
        }
    }

    public async ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("manifest", cancellationToken);
        ImmutableArray<ChunkReference> all = cluster.Files.Values.Single(file => file.File.Version == request.Version).Manifest;
        return new ManifestPage([.. all.Skip(request.First).Take(request.Count)], all.Length);
    }

    public async ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken)
    {
        await EnterAsync("renew-read", cancellationToken);
        Renewed.Enqueue(version);
        return Lease;
    }

    public TimeSpan Lease { get; set; } = TimeSpan.FromHours(1);

    public async ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        Operations.Enqueue(operation);
        await EnterAsync("totals", cancellationToken);
        return Jobs.GetOrAdd(operation, id => OnJob(new MetadataJob
        {
            Id = id,
            Kind = MetadataJobKind.Totals,
            State = MetadataJobState.Running,
            Path = path,
            Started = default,
            Updated = default,
            Totals = default,
        }));
    }

    public async ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken)
    {
        await EnterAsync("job", cancellationToken);
        return Jobs.TryGetValue(job, out MetadataJob? found) ? Jobs[job] = OnJob(found) : null;
    }

    public async ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken)
    {
        await EnterAsync("cancel-job", cancellationToken);
        return Jobs.TryRemove(job, out _);
    }

    public async ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken)
    {
        await EnterAsync("report", cancellationToken);
        Reports.Enqueue(fault);
    }

    private UploadTicket Ticket(Guid session, int grants)
    {
        int up = cluster.Nodes.Count(node => !cluster.Down.ContainsKey(node.Id));
        return grants > 0 && up < cluster.Replicas
            ? throw new BigFsException(BigFsErrorCode.NotEnoughNodes, $"{up} datanodes are up, {cluster.Replicas} are needed.")
            : new UploadTicket(
                new UploadSession(session, cluster.Replicas, TimeToLive),
                [.. Enumerable.Range(0, grants).Select(_ => cluster.MakeGrant([])!)]);
    }

    private CommittedFile Commit(
        Guid operation, BigFsPath path, long size, uint crc32C, ImmutableArray<ChunkReference> manifest, ReadOnlyMemory<byte> content)
    {
        var file = new BigFsFile
        {
            Path = path,
            Size = size,
            Crc32C = crc32C,
            Version = new BigFsVersion((ulong)Interlocked.Increment(ref _version)),
            Replicas = cluster.Replicas,
        };
        cluster.Files[path] = (file, manifest, content.ToArray());
        return _committed[operation] = new CommittedFile(file, new NameDurability(BigFsDurability.Memory, "memory"));
    }

    private async Task EnterAsync(string call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Calls.Enqueue(call);
        if (Before is { } before)
        {
            await before(call, cancellationToken);
        }
    }
}
