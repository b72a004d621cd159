using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Upload sessions, inside the writer's transaction. A session's row is also the record of its begin and its commit: it
/// outlives the session's end by the retention. Whether a session has expired is judged where it would be used, by the
/// database's clock, which never goes back: so commit and expiry exclude each other.
/// </summary>
internal sealed class PostgresUploads(PostgresOptions options)
{
    /// <summary><see cref="IMetadataStore.BeginUploadAsync"/>.</summary>
    public async ValueTask<UploadSession> BeginAsync(PostgresTransaction transaction, BeginUploadRequest request)
    {
        if (await transaction.SessionAsync(request.Operation).ConfigureAwait(false) is { } first)
        {
            StoredSession.RequireOwn(request.Operation, first);
            return new UploadSession(request.Operation, first.Replicas, options.SessionTimeToLive);
        }

        PostgresResolved found = await transaction.ResolveAsync(request.Path).ConfigureAwait(false);
        CommitTarget.Check(request.Path, request.Precondition, found.Entry, found.FileAbove);
        int replicas = request.Replicas == 0 ? options.DefaultReplicas : request.Replicas;
        transaction.PutSession(New(transaction, request.Operation, replicas) with
        {
            Path = request.Path,
            Precondition = request.Precondition,
            Notes = EntryCodec.EncodeNotes(request.ContentType, request.Metadata),
        });
        return new UploadSession(request.Operation, replicas, options.SessionTimeToLive);
    }

    /// <summary><see cref="IMetadataStore.BeginSharedAsync"/>.</summary>
    public async ValueTask<UploadSession> BeginSharedAsync(PostgresTransaction transaction, BeginSharedRequest request)
    {
        int replicas = request.Replicas == 0 ? options.DefaultReplicas : request.Replicas;
        if (await transaction.SessionAsync(request.Operation).ConfigureAwait(false) is { } first)
        {
            StoredSession.RequireShared(request.Operation, first);
            replicas = first.Replicas;
        }
        else
        {
            transaction.PutSession(New(transaction, request.Operation, replicas));
        }

        return new UploadSession(request.Operation, replicas, options.SessionTimeToLive);
    }

    /// <summary><see cref="IMetadataStore.RenewUploadAsync"/>.</summary>
    public async ValueTask<bool> RenewAsync(PostgresTransaction transaction, Guid id)
    {
        long now = transaction.Now;
        PostgresSession session = StoredSession.RequireOpen(id, await transaction.SessionAsync(id).ConfigureAwait(false), now);
        long expires = now + options.SessionTimeToLive.Ticks;
        if (session.Path is null)
        {
            // What is recorded of its operations outlives it: a commit cannot come again when its record is gone.
            expires = Math.Min(expires, session.Created + options.OperationRetention.Ticks);
        }

        transaction.PutSession(session with { Expires = expires, KeepUntil = expires + options.OperationRetention.Ticks });
        return true;
    }

    /// <summary><see cref="IMetadataStore.StageChunksAsync"/>.</summary>
    public static async ValueTask<bool> StageAsync(PostgresTransaction transaction, StageChunksRequest request)
    {
        PostgresSession session = StoredSession.RequireOpen(
            request.Session, await transaction.SessionAsync(request.Session).ConfigureAwait(false), transaction.Now);
        StoredSession.RequireOwn(request.Session, session);
        if (request.First < session.Staged)
        {
            return false;
        }

        if (request.First != session.Staged)
        {
            throw MetadataErrors.StagedOutOfOrder(request.Session, request.First, session.Staged);
        }

        long version = session.StagedVersion ?? transaction.NewVersion();
        await PostgresEntries.StageAsync(transaction, version, request.First, request.Chunks).ConfigureAwait(false);
        transaction.PutSession(session with
        {
            StagedVersion = version,
            Staged = session.Staged + request.Chunks.Length,
            StagedBytes = session.StagedBytes + request.Chunks.Sum(chunk => (long)chunk.Length),
        });
        return true;
    }

    /// <summary><see cref="IMetadataStore.CommitUploadAsync"/>.</summary>
    public async ValueTask<BigFsFile> CommitAsync(PostgresTransaction transaction, CommitUploadRequest request)
    {
        long now = transaction.Now;
        PostgresSession? found = await transaction.SessionAsync(request.Session).ConfigureAwait(false);
        if (found is { State: StoredSessionState.Committed } committed && committed.Operation == request.Operation)
        {
            return committed.File(committed.Path!.Value);
        }

        PostgresSession session = StoredSession.RequireOpen(request.Session, found, now);
        BigFsPath path = StoredSession.RequireOwn(request.Session, session);
        if (session.Staged != request.Staged)
        {
            throw MetadataErrors.StagedOutOfOrder(request.Session, request.Staged, session.Staged);
        }

        MetadataChecks.CheckStaged(request, session.StagedBytes);
        PostgresResolved target = await transaction.ResolveAsync(path).ConfigureAwait(false);
        CommitTarget.Check(path, session.Precondition, target.Entry, target.FileAbove);
        if (target.Entry is { } replaced)
        {
            PostgresEntries.BuryFile(transaction, replaced, now + options.ReadLease.Ticks);
        }

        var row = new PostgresEntryRow
        {
            Parent = target.Parent ?? await PostgresEntries.EnsureDirectoryAsync(transaction, path.Parent).ConfigureAwait(false),
            Name = path.Name,
            Created = target.Entry?.Created ?? now,
            Modified = now,
            Version = session.StagedVersion ?? transaction.NewVersion(),
            Size = request.Size,
            Crc = request.Crc32C,
            Replicas = session.Replicas,
            Notes = session.Notes,
        };
        await PostgresEntries.PutFileAsync(transaction, row, request.Manifest, staged: session.Staged).ConfigureAwait(false);

        // After the owners are known: what the file names is not discarded.
        await PostgresEntries.BuryChunksAsync(transaction, request.Discarded, now).ConfigureAwait(false);
        transaction.PutSession(session with
        {
            State = StoredSessionState.Committed,
            KeepUntil = now + options.OperationRetention.Ticks,
            Operation = request.Operation,
            Created = row.Created,
            Modified = row.Modified,
            Version = row.Version,
            Size = row.Size,
            Crc = row.Crc,
        });
        return (BigFsFile)row.ToEntry(path);
    }

    /// <summary><see cref="IMetadataStore.AbortUploadAsync"/>.</summary>
    public async ValueTask<bool> AbortAsync(PostgresTransaction transaction, Guid id, ImmutableArray<ChunkReference> written)
    {
        if (await transaction.SessionAsync(id).ConfigureAwait(false) is not { State: StoredSessionState.Open } session)
        {
            return false;
        }

        long now = transaction.Now;
        if (session.StagedVersion is { } staged)
        {
            transaction.AddDeadVersion(staged, now, session.Staged, null);
        }

        await PostgresEntries.BuryChunksAsync(transaction, written, now).ConfigureAwait(false);
        transaction.PutSession(session with
        {
            State = StoredSessionState.Aborted,
            KeepUntil = now + options.OperationRetention.Ticks,
        });
        return true;
    }

    /// <summary>The replicas of an open shared session.</summary>
    /// <exception cref="BigFsException">SessionExpired, InvalidArgument (it is an upload's own).</exception>
    public static async ValueTask<int> RequireSharedAsync(PostgresTransaction transaction, Guid id)
    {
        PostgresSession session = StoredSession.RequireOpen(
            id, await transaction.SessionAsync(id).ConfigureAwait(false), transaction.Now);
        StoredSession.RequireShared(id, session);
        return session.Replicas;
    }

    private PostgresSession New(PostgresTransaction transaction, Guid id, int replicas)
    {
        long expires = transaction.Now + options.SessionTimeToLive.Ticks;
        return new PostgresSession
        {
            Id = id,
            State = StoredSessionState.Open,
            Expires = expires,
            KeepUntil = expires + options.OperationRetention.Ticks,
            Path = null,
            Precondition = default,
            Replicas = replicas,
            Created = transaction.Now,
        };
    }
}
