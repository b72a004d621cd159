using System.Buffers.Binary;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Small files, whose uploads share a session, inside the writer's transaction. Commit and abort of one operation exclude
/// each other by its record, commit and the session's expiry by the database's clock. A shared session ends before the
/// record of anything done under it goes, so that no commit can come twice.
/// </summary>
internal sealed class PostgresSmallFiles(PostgresOptions options)
{
    // Version, times of making and change, replicas: the rest of the answer is what the request says.
    private const int AnswerBytes = (3 * sizeof(long)) + sizeof(int);

    /// <summary><see cref="IMetadataStore.CommitFileAsync"/>.</summary>
    public async ValueTask<BigFsFile> CommitAsync(PostgresTransaction transaction, CommitFileRequest request, byte[]? notes)
    {
        switch (await transaction.OperationAsync(request.Operation).ConfigureAwait(false))
        {
            case null:
                break;
            case { Kind: PostgresOperationKind.CommitFile } first:
                return (BigFsFile)Row(request, notes, first.Answer).ToEntry(request.Path);
            case { Kind: PostgresOperationKind.AbortFile }:
                throw MetadataErrors.OperationAborted(request.Path);
            default:
                throw MetadataErrors.OperationReused(request.Operation);
        }

        long now = transaction.Now;
        int replicas = request.Session is { } session
            ? await PostgresUploads.RequireSharedAsync(transaction, session).ConfigureAwait(false)
            : request.Replicas == 0 ? options.DefaultReplicas
            : request.Replicas;
        PostgresResolved target = await transaction.ResolveAsync(request.Path).ConfigureAwait(false);
        CommitTarget.Check(request.Path, request.Precondition, target.Entry, target.FileAbove);
        if (target.Entry is { } replaced)
        {
            PostgresEntries.BuryFile(transaction, replaced, now + options.ReadLease.Ticks);
        }

        byte[] answer = new byte[AnswerBytes];
        BinaryPrimitives.WriteInt64LittleEndian(answer, transaction.NewVersion());
        BinaryPrimitives.WriteInt64LittleEndian(answer.AsSpan(8), target.Entry?.Created ?? now);
        BinaryPrimitives.WriteInt64LittleEndian(answer.AsSpan(16), now);
        BinaryPrimitives.WriteInt32LittleEndian(answer.AsSpan(24), replicas);
        PostgresEntryRow row = Row(request, notes, answer) with
        {
            Parent = target.Parent
                ?? await PostgresEntries.EnsureDirectoryAsync(transaction, request.Path.Parent).ConfigureAwait(false),
        };
        await PostgresEntries.PutFileAsync(transaction, row, request.Manifest, request.Content).ConfigureAwait(false);
        await PostgresEntries.BuryChunksAsync(transaction, request.Discarded, now).ConfigureAwait(false);
        Keep(transaction, request.Operation, PostgresOperationKind.CommitFile, answer);
        return (BigFsFile)row.ToEntry(request.Path);
    }

    /// <summary><see cref="IMetadataStore.AbortFileAsync"/>.</summary>
    public async ValueTask<bool> AbortAsync(PostgresTransaction transaction, AbortFileRequest request)
    {
        switch (await transaction.OperationAsync(request.Operation).ConfigureAwait(false))
        {
            case null:
                break;
            case { Kind: PostgresOperationKind.CommitFile or PostgresOperationKind.AbortFile }:
                return false;
            default:
                throw MetadataErrors.OperationReused(request.Operation);
        }

        await PostgresEntries.BuryChunksAsync(transaction, request.Written, transaction.Now).ConfigureAwait(false);
        Keep(transaction, request.Operation, PostgresOperationKind.AbortFile, []);
        return true;
    }

    private void Keep(PostgresTransaction transaction, Guid operation, PostgresOperationKind kind, byte[] answer) =>
        transaction.AddOperation(
            new PostgresOperation(operation, kind, transaction.Now + options.OperationRetention.Ticks, answer));

    private static PostgresEntryRow Row(CommitFileRequest request, byte[]? notes, ReadOnlySpan<byte> answer) => new()
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
