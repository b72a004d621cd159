using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>
/// A file server as the owner of a key sees it: the key's root directory is "/", sessions and operations are its own
/// (<see cref="PrincipalIds"/>), versions are the root's (<see cref="VersionVeil"/>), and errors speak of its paths alone. The root need not be there yet: it is then as empty as a
/// new one. Thread-safe.
/// </summary>
internal sealed class RootedFileServer(IFileServer files, AccessKeyRecord key, VersionVeil versions) : IFileServer
{
    private readonly RootedPaths _paths = new(key.Root, versions);

    public ValueTask<UploadTicket> BeginUploadAsync(BeginUploadRequest request, int grants, CancellationToken cancellationToken) =>
        OwnAsync(
            async () =>
            {
                RequireFilePath(request.Path);
                BeginUploadRequest full = request with
                {
                    Operation = Id(request.Operation),
                    Path = _paths.Full(request.Path),
                    Precondition = _paths.Full(request.Precondition),
                };
                UploadTicket ticket = await files.BeginUploadAsync(full, grants, cancellationToken).ConfigureAwait(false);
                return ticket with { Session = ticket.Session with { Id = request.Operation } };
            },
            request.Path);

    public ValueTask<UploadTicket> BeginSharedAsync(BeginSharedRequest request, int grants, CancellationToken cancellationToken) =>
        OwnAsync(async () =>
        {
            UploadTicket ticket = await files.BeginSharedAsync(
                request with { Operation = Id(request.Operation) }, grants, cancellationToken).ConfigureAwait(false);
            return ticket with { Session = ticket.Session with { Id = request.Operation } };
        });

    public ValueTask<ImmutableArray<ChunkGrant>> GrantAsync(
        Guid session, int replicas, int count, ImmutableArray<NodeId> avoid, bool together, CancellationToken cancellationToken) =>
        OwnAsync(async () => await files.GrantAsync(Id(session), replicas, count, avoid, together, cancellationToken).ConfigureAwait(false));

    public async ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken) =>
        await OwnAsync(() => files.RenewUploadAsync(Id(session), cancellationToken)).ConfigureAwait(false);

    public ValueTask<CommittedFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken) =>
        OwnAsync(async () => Own(await files.CommitUploadAsync(
            request with { Operation = Id(request.Operation), Session = Id(request.Session) }, cancellationToken).ConfigureAwait(false)));

    public async ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken) =>
        await OwnAsync(() => files.AbortUploadAsync(Id(session), written, cancellationToken)).ConfigureAwait(false);

    public async ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken) =>
        await OwnAsync(() => files.StageChunksAsync(request with { Session = Id(request.Session) }, cancellationToken)).ConfigureAwait(false);

    public ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken) =>
        OwnAsync(async () => await files.ReadManifestAsync(
            request with { Version = _paths.Full(request.Version) }, cancellationToken).ConfigureAwait(false));

    public ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken) =>
        OwnAsync(async () => await files.RenewReadAsync(_paths.Full(version), cancellationToken).ConfigureAwait(false));

    public ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken) =>
        OwnAsync(
            async () => Own(
                await files.StartTotalsAsync(Id(operation), _paths.Full(path), cancellationToken).ConfigureAwait(false), operation),
            path);

    public ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken) => OwnAsync(async () =>
        await files.FindJobAsync(Id(job), cancellationToken).ConfigureAwait(false) is { } found ? Own(found, job) : null);

    public ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken) =>
        OwnAsync(async () => await files.CancelJobAsync(Id(job), cancellationToken).ConfigureAwait(false));

    public ValueTask<CommittedFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken) =>
        OwnAsync(
            async () =>
            {
                RequireFilePath(request.Path);
                CommitFileRequest full = request with
                {
                    Operation = Id(request.Operation),
                    Session = request.Session is { } session ? Id(session) : null,
                    Path = _paths.Full(request.Path),
                    Precondition = _paths.Full(request.Precondition),
                };
                return Own(await files.CommitFileAsync(full, cancellationToken).ConfigureAwait(false));
            },
            request.Path);

    public async ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        AbortFileRequest own = request with
        {
            Operation = Id(request.Operation),
            Session = request.Session is { } session ? Id(session) : null,
        };
        await OwnAsync(() => files.AbortFileAsync(own, cancellationToken)).ConfigureAwait(false);
    }

    public ValueTask<OpenedFile?> OpenAsync(BigFsPath path, CancellationToken cancellationToken) =>
        OpenStaleAsync(path, TimeSpan.Zero, cancellationToken);

    public ValueTask<OpenedFile?> OpenStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken) =>
        OwnAsync(
            async () =>
            {
                OpenedFile? opened = await (maxStaleness > TimeSpan.Zero
                    ? files.OpenStaleAsync(_paths.Full(path), maxStaleness, cancellationToken)
                    : files.OpenAsync(_paths.Full(path), cancellationToken)).ConfigureAwait(false);
                return opened is null ? null : opened with { File = _paths.Own(opened.File) };
            },
            path);

    public ValueTask<OpenedChange?> OpenChangedAsync(BigFsPath path, KnownFile known, CancellationToken cancellationToken) =>
        OwnAsync(
            async () =>
            {
                OpenedChange? change = await files.OpenChangedAsync(
                    _paths.Full(path), known with { Version = _paths.Full(known.Version) }, cancellationToken).ConfigureAwait(false);
                return change?.Found is { } opened ? new OpenedChange(opened with { File = _paths.Own(opened.File) }) : change;
            },
            path);

    public ValueTask<ImmutableArray<VolumeLocation>> LocateAsync(
        ImmutableArray<VolumeId> volumes, CancellationToken cancellationToken) =>
        OwnAsync(async () => await files.LocateAsync(volumes, cancellationToken).ConfigureAwait(false));

    public ValueTask<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken) =>
        FindStaleAsync(path, TimeSpan.Zero, cancellationToken);

    public ValueTask<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken) =>
        OwnAsync(
            async () =>
            {
                BigFsEntry? found = await (maxStaleness > TimeSpan.Zero
                    ? files.FindStaleAsync(_paths.Full(path), maxStaleness, cancellationToken)
                    : files.FindAsync(_paths.Full(path), cancellationToken)).ConfigureAwait(false);
                return found is not null ? _paths.Own(found)
                    : path.IsRoot ? new BigFsDirectory { Path = path, Created = key.Created, Modified = key.Created }
                    : null;
            },
            path);

    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        OwnAsync(
            async () =>
            {
                try
                {
                    MetadataPage page = await files.ListAsync(
                        request with { Directory = _paths.Full(request.Directory) }, cancellationToken).ConfigureAwait(false);
                    return page with { Entries = [.. page.Entries.Select(_paths.Own)] };
                }
                catch (BigFsException absent) when (absent.Code == BigFsErrorCode.NotFound && request.Directory.IsRoot)
                {
                    return new MetadataPage([], null);
                }
            },
            request.Directory);

    public async IAsyncEnumerable<EntryPage> StreamAsync(
        MetadataListRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        MetadataListRequest full = request with { Directory = _paths.Full(request.Directory) };
        await using IAsyncEnumerator<EntryPage> pages = files.StreamAsync(full, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await HasNextAsync(pages, request.Directory).ConfigureAwait(false))
        {
            yield return key.Root.IsRoot
                ? pages.Current
                : EntryPage.Of(request.Directory, [.. pages.Current.Entries.Select(_paths.Own)]);
        }
    }

    public async ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken) =>
        await OwnAsync(() => files.CreateDirectoryAsync(Id(operation), _paths.Full(path), cancellationToken), path).ConfigureAwait(false);

    public ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        if (request.Path.IsRoot)
        {
            throw MetadataErrors.RootStays("deleted");
        }

        return OwnAsync(
            async () =>
            {
                DeleteRequest full = request with
                {
                    Operation = Id(request.Operation),
                    Path = _paths.Full(request.Path),
                    Version = request.Version is { } version ? _paths.Full(version) : null,
                };
                return await files.DeleteAsync(full, cancellationToken).ConfigureAwait(false);
            },
            request.Path);
    }

    public ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        if (request.Source.IsRoot || request.Destination.IsRoot)
        {
            throw MetadataErrors.RootStays(request.Source.IsRoot ? "moved" : "replaced");
        }

        return OwnAsync(
            async () =>
            {
                MoveRequest full = request with
                {
                    Operation = Id(request.Operation),
                    Source = _paths.Full(request.Source),
                    Destination = _paths.Full(request.Destination),
                };
                return _paths.Own(await files.MoveAsync(full, cancellationToken).ConfigureAwait(false));
            },
            request.Source,
            request.Destination);
    }

    public async ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken) =>
        await OwnAsync(() => files.ReportAsync(fault, cancellationToken)).ConfigureAwait(false);

    /// <summary>A root that was never made would become a file otherwise.</summary>
    private static void RequireFilePath(BigFsPath path)
    {
        if (path.IsRoot)
        {
            throw MetadataErrors.IsDirectory(path);
        }
    }

    private async ValueTask<bool> HasNextAsync(IAsyncEnumerator<EntryPage> pages, BigFsPath directory)
    {
        try
        {
            return await pages.MoveNextAsync().ConfigureAwait(false);
        }
        catch (BigFsException absent) when (absent.Code == BigFsErrorCode.NotFound && directory.IsRoot)
        {
            return false;
        }
        catch (BigFsException error)
        {
            throw _paths.Own(error, directory);
        }
    }

    private Guid Id(Guid id) => PrincipalIds.Of(key.Id, id);

    private CommittedFile Own(CommittedFile committed) => committed with { File = _paths.Own(committed.File) };

    /// <summary>A job that the owner began: its id is that of the operation, its words are of paths that the owner knows.</summary>
    private MetadataJob Own(MetadataJob job, Guid id) => job with
    {
        Id = id,
        Path = _paths.Own(job.Path),
        Problem = job.Problem is { } problem && !key.Root.IsRoot && problem.Contains(key.Root.ToString(), StringComparison.Ordinal)
            ? "The job failed."
            : job.Problem,
    };

    private async ValueTask<T> OwnAsync<T>(Func<Task<T>> operation, params BigFsPath[] asked)
    {
        try
        {
            return await operation().ConfigureAwait(false);
        }
        catch (BigFsException error)
        {
            throw _paths.Own(error, asked);
        }
    }

    private async ValueTask OwnAsync(Func<ValueTask> operation, params BigFsPath[] asked)
    {
        try
        {
            await operation().ConfigureAwait(false);
        }
        catch (BigFsException error)
        {
            throw _paths.Own(error, asked);
        }
    }
}
