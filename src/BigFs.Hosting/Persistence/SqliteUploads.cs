using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Faults;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Upload sessions, inside the writer's transaction. A session's row is also the record of its begin and its commit: it
/// outlives the session's end by the retention. Whether a session has expired is judged where it would be used, by the
/// database's clock, which never goes back: so commit and expiry exclude each other.
/// </summary>
internal sealed class SqliteUploads : IDisposable
{
    // Stored in the place of a path.
    private const string SharedPath = "";

    private static ImmutableSortedDictionary<string, string> NoMetadata { get; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Shared sessions that are remembered; when there are more, it begins anew.</summary>
    private const int MostShared = 1024;

    /// <summary>
    /// Open shared sessions as they are: many small files ask for the same few. Exact, for the writer alone changes sessions; what
    /// is pruned has expired long before.
    /// </summary>
    private readonly Dictionary<Guid, Session> _shared = [];
    private readonly SqliteMetadataOptions _options;
    private readonly SqliteEntryReader _reader;
    private readonly SqliteEntryWriter _writer;
    private readonly SqliteMetadataClock _clock;
    private readonly SqliteStatement _find, _add, _renew, _abort, _commit, _stage;

    public SqliteUploads(
        SqliteConnection connection,
        SqliteMetadataOptions options,
        SqliteEntryReader reader,
        SqliteEntryWriter writer,
        SqliteMetadataClock clock)
    {
        (_options, _reader, _writer, _clock) = (options, reader, writer, clock);
        _find = new SqliteStatement(
            connection,
            "SELECT state, expires, path, precondition, wanted, replicas, notes, operation, created, modified, version, "
                + "size, crc, staged_version, staged, staged_bytes FROM sessions WHERE id = ?1");
        _add = new SqliteStatement(
            connection,
            "INSERT INTO sessions (state, expires, keep_until, precondition, wanted, replicas, path, notes, id, created) "
                + "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
        _renew = new SqliteStatement(connection, "UPDATE sessions SET expires = ?1, keep_until = ?2 WHERE id = ?3");
        _abort = new SqliteStatement(connection, "UPDATE sessions SET state = ?1, keep_until = ?2 WHERE id = ?3");
        _stage = new SqliteStatement(
            connection, "UPDATE sessions SET staged_version = ?1, staged = ?2, staged_bytes = ?3 WHERE id = ?4");
        _commit = new SqliteStatement(
            connection,
            "UPDATE sessions SET state = ?1, keep_until = ?2, created = ?3, modified = ?4, version = ?5, size = ?6, "
                + "crc = ?7, operation = ?8 WHERE id = ?9");
    }

    /// <summary><see cref="IMetadataStore.BeginUploadAsync"/>.</summary>
    public UploadSession Begin(BeginUploadRequest request)
    {
        if (Find(request.Operation) is { } first)
        {
            StoredSession.RequireOwn(request.Operation, first);
            return new UploadSession(request.Operation, first.Replicas, _options.SessionTimeToLive);
        }

        SqliteResolved found = _reader.Resolve(request.Path, withManifest: false);
        CommitTarget.Check(request.Path, request.Precondition, found.Entry, found.FileAbove);
        int replicas = request.Replicas == 0 ? _options.DefaultReplicas : request.Replicas;
        Add(request.Operation, replicas, request.Path.ToString(), request.Precondition, request.ContentType, request.Metadata);
        return new UploadSession(request.Operation, replicas, _options.SessionTimeToLive);
    }

    /// <summary><see cref="IMetadataStore.BeginSharedAsync"/>.</summary>
    public UploadSession BeginShared(BeginSharedRequest request)
    {
        int replicas = request.Replicas == 0 ? _options.DefaultReplicas : request.Replicas;
        if (Find(request.Operation) is { } first)
        {
            StoredSession.RequireShared(request.Operation, first);
            replicas = first.Replicas;
        }
        else
        {
            Add(request.Operation, replicas, SharedPath, default, null, NoMetadata);
        }

        return new UploadSession(request.Operation, replicas, _options.SessionTimeToLive);
    }

    /// <summary><see cref="IMetadataStore.RenewUploadAsync"/>.</summary>
    public bool Renew(Guid session)
    {
        long now = _clock.Now();
        Session found = StoredSession.RequireOpen(session, Find(session), now);
        long expires = now + _options.SessionTimeToLive.Ticks;
        if (found.Path is null)
        {
            // What is recorded of its operations outlives it: a commit cannot come again when its record is gone.
            expires = Math.Min(expires, found.File.Created + _options.OperationRetention.Ticks);
        }

        _shared.Remove(session);
        Span<byte> id = stackalloc byte[16];
        _renew.Bind(expires, expires + _options.OperationRetention.Ticks).Blob(3, Key(session, id)).Run();
        return true;
    }

    /// <summary><see cref="IMetadataStore.StageChunksAsync"/>.</summary>
    public bool Stage(StageChunksRequest request)
    {
        Session session = StoredSession.RequireOpen(request.Session, Find(request.Session), _clock.Now());
        StoredSession.RequireOwn(request.Session, session);
        if (request.First < session.Staged)
        {
            return false;
        }

        if (request.First != session.Staged)
        {
            throw MetadataErrors.StagedOutOfOrder(request.Session, request.First, session.Staged);
        }

        long version = session.StagedVersion ?? _writer.NewVersion();
        _writer.Stage(version, request.First, request.Chunks);
        Span<byte> id = stackalloc byte[16];
        _stage.Bind(
                version,
                session.Staged + request.Chunks.Length,
                session.StagedBytes + request.Chunks.Sum(chunk => (long)chunk.Length))
            .Blob(4, Key(request.Session, id))
            .Run();
        return true;
    }

    /// <summary><see cref="IMetadataStore.CommitUploadAsync"/>.</summary>
    public BigFsFile Commit(CommitUploadRequest request)
    {
        long now = _clock.Now();
        Session? found = Find(request.Session);
        if (found is { State: StoredSessionState.Committed } committed && committed.Operation == request.Operation)
        {
            return (BigFsFile)committed.File.ToEntry(committed.Path!.Value);
        }

        Session session = StoredSession.RequireOpen(request.Session, found, now);
        BigFsPath path = StoredSession.RequireOwn(request.Session, session);
        if (session.Staged != request.Staged)
        {
            throw MetadataErrors.StagedOutOfOrder(request.Session, request.Staged, session.Staged);
        }

        MetadataChecks.CheckStaged(request, session.StagedBytes);
        SqliteResolved target = _reader.Resolve(path, withManifest: true);
        CommitTarget.Check(path, session.Precondition, target.Entry, target.FileAbove);
        if (target.Entry is { } replaced)
        {
            _writer.BuryFile(replaced, now + _options.ReadLease.Ticks);
        }

        var row = new SqliteEntryRow
        {
            Parent = target.Parent ?? _writer.EnsureDirectory(path.Parent, now),
            Name = path.Name,
            Created = target.Entry?.Created ?? now,
            Modified = now,
            Version = session.StagedVersion ?? _writer.NewVersion(),
            Size = request.Size,
            Crc = request.Crc32C,
            Replicas = session.Replicas,
            Notes = session.File.Notes,
        };
        CrashPoint.Reach("commit.before-entry");
        _writer.PutFile(row, request.Manifest, staged: session.Staged);

        // After the owners are known: what the file names is not discarded.
        _writer.BuryChunks(request.Discarded, now);
        CrashPoint.Reach("commit.before-session-ends");
        Span<byte> id = stackalloc byte[16], operation = stackalloc byte[16];
        _commit.Bind(
                (long)StoredSessionState.Committed,
                now + _options.OperationRetention.Ticks,
                row.Created,
                row.Modified,
                row.Version,
                row.Size,
                row.Crc)
            .Blob(8, Key(request.Operation, operation))
            .Blob(9, Key(request.Session, id))
            .Run();
        return (BigFsFile)row.ToEntry(path);
    }

    /// <summary><see cref="IMetadataStore.AbortUploadAsync"/>.</summary>
    public bool Abort(Guid session, ImmutableArray<ChunkReference> written)
    {
        if (Find(session) is not { State: StoredSessionState.Open } found)
        {
            return false;
        }

        _shared.Remove(session);
        long now = _clock.Now();
        if (found.StagedVersion is { } staged)
        {
            _writer.BuryVersion(staged, now, found.Staged, null);
        }

        _writer.BuryChunks(written, now);

        Span<byte> id = stackalloc byte[16];
        _abort.Bind((long)StoredSessionState.Aborted, now + _options.OperationRetention.Ticks).Blob(3, Key(session, id)).Run();
        return true;
    }

    public void Dispose()
    {
        foreach (SqliteStatement statement in (SqliteStatement[])[_find, _add, _renew, _abort, _commit, _stage])
        {
            statement.Dispose();
        }
    }

    /// <summary>Something was rolled back: what is known of sessions may never have been.</summary>
    public void Forget() => _shared.Clear();

    /// <summary>The replicas of a shared session that is known to be open; null when it has to be looked at.</summary>
    public int? FindShared(Guid id, long now) =>
        _shared.TryGetValue(id, out Session? session) && session.Expires > now ? session.Replicas : null;

    /// <summary>The replicas of an open shared session.</summary>
    /// <exception cref="BigFsException">SessionExpired, InvalidArgument (it is an upload's own).</exception>
    public int RequireShared(Guid id, long now)
    {
        if (!_shared.TryGetValue(id, out Session? session))
        {
            session = StoredSession.RequireOpen(id, Find(id), now);
            StoredSession.RequireShared(id, session);
            if (_shared.Count == MostShared)
            {
                _shared.Clear();
            }

            _shared.Add(id, session);
        }

        return StoredSession.RequireOpen(id, session, now).Replicas;
    }

    private void Add(
        Guid session,
        int replicas,
        string path,
        Precondition precondition,
        string? contentType,
        ImmutableSortedDictionary<string, string> metadata)
    {
        long now = _clock.Now();
        long expires = now + _options.SessionTimeToLive.Ticks;
        byte[]? notes = EntryCodec.EncodeNotes(contentType, metadata);
        Span<byte> id = stackalloc byte[16];
        _add.Bind(
                (long)StoredSessionState.Open,
                expires,
                expires + _options.OperationRetention.Ticks,
                (long)precondition.Kind,
                (long)precondition.Version.Value,
                replicas)
            .Blob(7, Encoding.UTF8.GetBytes(path))
            .Blob(9, Key(session, id))
            .Integer(10, now);
        _ = notes is null ? _add.Null(8) : _add.Blob(8, notes);
        _add.Run();
    }

    private static ReadOnlySpan<byte> Key(Guid id, Span<byte> bytes)
    {
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return bytes;
    }

    private Session? Find(Guid id)
    {
        Span<byte> key = stackalloc byte[16];
        if (!_find.Bind().Blob(1, Key(id, key)).Step())
        {
            return null;
        }

        string text = _find.Text(2);
        BigFsPath? path = text.Length == 0 ? default(BigFsPath?) : BigFsPath.Parse(text);
        var session = new Session
        {
            State = (StoredSessionState)_find.Long(0),
            Expires = _find.Long(1),
            Path = path,
            Precondition = new Precondition(
                (PreconditionKind)_find.Long(3), new BigFsVersion((ulong)_find.Long(4))),
            Replicas = (int)_find.Long(5),
            Operation = _find.IsNull(7) ? null : new Guid(_find.Bytes(7), bigEndian: true),
            File = new SqliteEntryRow
            {
                Parent = 0,
                Name = path?.Name ?? "",
                Notes = _find.IsNull(6) ? null : _find.Bytes(6).ToArray(),
                Replicas = (int)_find.Long(5),
                Created = _find.Long(8),
                Modified = _find.Long(9),
                Version = _find.Long(10),
                Size = _find.Long(11),
                Crc = (uint)_find.Long(12),
            },
            StagedVersion = _find.IsNull(13) ? null : _find.Long(13),
            Staged = (int)_find.Long(14),
            StagedBytes = _find.Long(15),
        };
        _find.Reset();
        return session;
    }

    private sealed record Session : IStoredSession
    {
        public required StoredSessionState State { get; init; }

        public required long Expires { get; init; }

        /// <summary>Where the file will stand; null for a shared session.</summary>
        public required BigFsPath? Path { get; init; }

        public required Precondition Precondition { get; init; }

        public required int Replicas { get; init; }

        /// <summary>The commit's operation id; null before.</summary>
        public required Guid? Operation { get; init; }

        /// <summary>What the writer noted, and once committed the rest of the file as it was then.</summary>
        public required SqliteEntryRow File { get; init; }

        /// <summary>The version under which chunks were staged; null when none were.</summary>
        public long? StagedVersion { get; init; }

        /// <summary>How many chunks were staged.</summary>
        public int Staged { get; init; }

        /// <summary>Their lengths together.</summary>
        public long StagedBytes { get; init; }
    }
}
