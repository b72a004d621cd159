using System.Buffers.Binary;
using BigFs.Core.Faults;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Small files, whose uploads share a session, inside the writer's transaction. Commit and abort of one operation exclude
/// each other by its record, commit and the session's expiry by the database's clock. A shared session ends before the
/// record of anything done under it goes, so that no commit can come twice.
/// </summary>
internal sealed class SqliteSmallFiles(
    SqliteMetadataOptions options,
    SqliteEntryReader reader,
    SqliteEntryWriter writer,
    SqliteUploads uploads,
    SqliteOperations operations,
    SqliteMetadataClock clock)
{
    // Version, times of making and change, replicas: the rest of the answer is what the request says.
    private const int AnswerBytes = (3 * sizeof(long)) + sizeof(int);

    /// <summary><see cref="IMetadataStore.CommitFileAsync"/>.</summary>
    public BigFsFile Commit(CommitFileRequest request, byte[]? notes)
    {
        long now = clock.Now();
        if (TryAdd(request, notes, now) is { } added)
        {
            return added;
        }

        switch (operations.Find(request.Operation))
        {
            case null:
                break;
            case (SqliteOperations.Kind.CommitFile, { } first):
                return (BigFsFile)Row(request, notes, first).ToEntry(request.Path);
            case (SqliteOperations.Kind.AbortFile, _):
                throw MetadataErrors.OperationAborted(request.Path);
            default:
                throw MetadataErrors.OperationReused(request.Operation);
        }

        int replicas = request.Session is { } session ? uploads.RequireShared(session, now)
            : request.Replicas == 0 ? options.DefaultReplicas
            : request.Replicas;
        SqliteResolved target = reader.Resolve(request.Path, withManifest: true);
        CommitTarget.Check(request.Path, request.Precondition, target.Entry, target.FileAbove);
        if (target.Entry is { } replaced)
        {
            writer.BuryFile(replaced, now + options.ReadLease.Ticks);
        }

        Span<byte> answer = stackalloc byte[AnswerBytes];
        WriteAnswer(answer, writer.NewVersion(), target.Entry?.Created ?? now, now, replicas);
        SqliteEntryRow row = Row(request, notes, answer) with
        {
            Parent = target.Parent ?? writer.EnsureDirectory(request.Path.Parent, now),
        };
        writer.PutFile(row, request.Manifest, request.Content.Span);
        writer.BuryChunks(request.Discarded, now);
        BeforeRecord();
        operations.Keep(request.Operation, SqliteOperations.Kind.CommitFile, now, answer);
        return (BigFsFile)row.ToEntry(request.Path);
    }

    /// <summary><see cref="IMetadataStore.AbortFileAsync"/>.</summary>
    public bool Abort(AbortFileRequest request)
    {
        switch (operations.Find(request.Operation))
        {
            case null:
                break;
            case (SqliteOperations.Kind.CommitFile or SqliteOperations.Kind.AbortFile, _):
                return false;
            default:
                throw MetadataErrors.OperationReused(request.Operation);
        }

        long now = clock.Now();
        writer.BuryChunks(request.Written, now);
        operations.Keep(request.Operation, SqliteOperations.Kind.AbortFile, now, []);
        return true;
    }

    /// <summary>
    /// The common case in as few statements as there are rows: a new file in a directory that is there. The rows themselves
    /// say whether the operation is new and the place is free; null, and nothing is changed, when anything is otherwise.
    /// </summary>
    private BigFsFile? TryAdd(CommitFileRequest request, byte[]? notes, long now)
    {
        bool isCommon = request.Content.IsEmpty
            && request.Precondition.Kind != PreconditionKind.Version
            && request.Manifest.Length <= SqliteEntryWriter.InlineReferences;
        int? replicas = !isCommon ? null
            : request.Session is { } session ? uploads.FindShared(session, now)
            : request.Replicas == 0 ? options.DefaultReplicas
            : request.Replicas;
        if (replicas is not { } copies || reader.FindParent(request.Path) is not { } parent)
        {
            return null;
        }

        Span<byte> answer = stackalloc byte[AnswerBytes];
        WriteAnswer(answer, writer.NewVersion(), now, now, copies);
        SqliteEntryRow row = Row(request, notes, answer) with { Parent = parent };
        if (!writer.TryAddFile(row, request.Manifest))
        {
            return null;
        }

        BeforeRecord();
        if (!operations.TryKeep(request.Operation, SqliteOperations.Kind.CommitFile, now, answer))
        {
            writer.Remove(row);
            return null;
        }

        writer.Own(row, request.Manifest);
        writer.BuryChunks(request.Discarded, now);
        return (BigFsFile)row.ToEntry(request.Path);
    }

    private static void BeforeRecord() => CrashPoint.Reach("commit.before-record");

    private static void WriteAnswer(Span<byte> answer, long version, long created, long modified, int replicas)
    {
        BinaryPrimitives.WriteInt64LittleEndian(answer, version);
        BinaryPrimitives.WriteInt64LittleEndian(answer[8..], created);
        BinaryPrimitives.WriteInt64LittleEndian(answer[16..], modified);
        BinaryPrimitives.WriteInt32LittleEndian(answer[24..], replicas);
    }

    private static SqliteEntryRow Row(CommitFileRequest request, byte[]? notes, ReadOnlySpan<byte> answer) => new()
    {
        Parent = 0,
        Name = request.Path.Name,
        Created = BinaryPrimitives.ReadInt64LittleEndian(answer[8..]),
        Modified = BinaryPrimitives.ReadInt64LittleEndian(answer[16..]),
        Version = BinaryPrimitives.ReadInt64LittleEndian(answer),
        Size = request.Size,
        Crc = request.Crc32C,
        Replicas = BinaryPrimitives.ReadInt32LittleEndian(answer[24..]),
        Notes = notes,
    };
}
