using BigFs.Core.Metadata;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Directories made, entries deleted and moved, inside the writer's transaction.</summary>
internal sealed class PostgresTree(PostgresOptions options, Action wake)
{
    /// <summary><see cref="IMetadataStore.CreateDirectoryAsync"/>.</summary>
    public async ValueTask<bool> CreateDirectoryAsync(PostgresTransaction transaction, Guid operation, BigFsPath path)
    {
        await OnceAsync(transaction, operation, PostgresOperationKind.CreateDirectory, async () =>
        {
            await PostgresEntries.EnsureDirectoryAsync(transaction, path).ConfigureAwait(false);
            return [];
        }).ConfigureAwait(false);
        return true;
    }

    /// <summary><see cref="IMetadataStore.DeleteAsync"/>.</summary>
    public async ValueTask<bool> DeleteAsync(PostgresTransaction transaction, DeleteRequest request)
    {
        byte[] answer = await OnceAsync(
            transaction,
            request.Operation,
            PostgresOperationKind.Delete,
            async () => [await RemoveAsync(transaction, request).ConfigureAwait(false) ? (byte)1 : (byte)0]).ConfigureAwait(false);
        return answer is [1];
    }

    /// <summary><see cref="IMetadataStore.MoveAsync"/>.</summary>
    public async ValueTask<BigFsEntry> MoveAsync(PostgresTransaction transaction, MoveRequest request) =>
        EntryCodec.Decode(await OnceAsync(
            transaction,
            request.Operation,
            PostgresOperationKind.Move,
            async () => EntryCodec.Encode(await MoveNowAsync(transaction, request).ConfigureAwait(false))).ConfigureAwait(false));

    /// <summary>The first answer, or that of the work, which is kept.</summary>
    /// <exception cref="BigFsException">InvalidArgument: the id was used for another kind; or the work's refusal.</exception>
    private async ValueTask<byte[]> OnceAsync(
        PostgresTransaction transaction, Guid operation, PostgresOperationKind kind, Func<ValueTask<byte[]>> work)
    {
        if (await transaction.OperationAsync(operation).ConfigureAwait(false) is { } first)
        {
            return first.Kind == kind ? first.Answer : throw MetadataErrors.OperationReused(operation);
        }

        byte[] answer = await work().ConfigureAwait(false);
        transaction.AddOperation(
            new PostgresOperation(operation, kind, transaction.Now + options.OperationRetention.Ticks, answer));
        return answer;
    }

    private async ValueTask<bool> RemoveAsync(PostgresTransaction transaction, DeleteRequest request)
    {
        BigFsPath path = request.Path;
        if (path.IsRoot)
        {
            throw MetadataErrors.RootStays("deleted");
        }

        if ((await transaction.ResolveAsync(path).ConfigureAwait(false)).Entry is not { } row)
        {
            return false;
        }

        if (request.Version is { } wanted && (row.IsDirectory || row.FileVersion != wanted))
        {
            throw MetadataErrors.PreconditionFailed(path, wanted, row.IsDirectory ? null : row.FileVersion);
        }

        bool holdsEntries = row.Id is { } directory && await transaction.HasEntriesAsync(directory).ConfigureAwait(false);
        if (holdsEntries && !request.Recursive)
        {
            throw MetadataErrors.DirectoryNotEmpty(path);
        }

        transaction.RemoveEntry(row);
        if (holdsEntries)
        {
            transaction.AddJob(PostgresJobs.New(request.Operation, MetadataJobKind.Delete, row.Id!.Value, path, transaction.Now));
            transaction.AddDeadDirectory(row.Id!.Value, transaction.Now + options.ReadLease.Ticks, request.Operation);
            wake();
        }
        else if (!row.IsDirectory)
        {
            PostgresEntries.BuryFile(transaction, row, transaction.Now + options.ReadLease.Ticks);
        }

        return true;
    }

    private async ValueTask<BigFsEntry> MoveNowAsync(PostgresTransaction transaction, MoveRequest request)
    {
        (BigFsPath source, BigFsPath destination) = (request.Source, request.Destination);
        if (source.IsRoot || destination.IsRoot)
        {
            throw MetadataErrors.RootStays(source.IsRoot ? "moved" : "replaced");
        }

        if (destination.IsBelow(source))
        {
            throw MetadataErrors.IntoItself(source, destination);
        }

        PostgresEntryRow row = (await transaction.ResolveAsync(source).ConfigureAwait(false)).Entry
            ?? throw MetadataErrors.NotFound(source);
        if (source == destination)
        {
            return row.ToEntry(source);
        }

        if ((await transaction.ResolveAsync(destination).ConfigureAwait(false)).Entry is { } there)
        {
            if (!request.Overwrite || there.IsDirectory)
            {
                throw MetadataErrors.AlreadyExists(destination);
            }

            if (row.IsDirectory)
            {
                throw MetadataErrors.NotDirectory(destination, destination);
            }

            transaction.RemoveEntry(there);
            PostgresEntries.BuryFile(transaction, there, transaction.Now + options.ReadLease.Ticks);
        }

        long parent = await PostgresEntries.EnsureDirectoryAsync(transaction, destination.Parent).ConfigureAwait(false);
        _ = await transaction.EntryAsync(parent, destination.Name).ConfigureAwait(false);
        transaction.RemoveEntry(row);
        transaction.PutEntry(row with { Parent = parent, Name = destination.Name });
        return row.ToEntry(destination);
    }
}
