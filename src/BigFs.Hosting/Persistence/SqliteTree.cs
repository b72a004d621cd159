using BigFs.Core.Faults;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.Persistence;

/// <summary>Directories made, entries deleted and moved, inside the writer's transaction.</summary>
internal sealed class SqliteTree(
    SqliteEntryReader reader,
    SqliteEntryWriter writer,
    SqliteOperations operations,
    SqliteJobs jobs,
    SqliteMetadataClock clock,
    TimeSpan readLease,
    Action purge)
{
    /// <summary><see cref="IMetadataStore.CreateDirectoryAsync"/>.</summary>
    public bool CreateDirectory(Guid operation, BigFsPath path)
    {
        long now = clock.Now();
        operations.Once(operation, SqliteOperations.Kind.CreateDirectory, now, () =>
        {
            writer.EnsureDirectory(path, now);
            return [];
        });
        return true;
    }

    /// <summary><see cref="IMetadataStore.DeleteAsync"/>.</summary>
    public bool Delete(DeleteRequest request)
    {
        long now = clock.Now();
        byte[] answer = operations.Once(
            request.Operation, SqliteOperations.Kind.Delete, now, () => [Remove(request, now) ? (byte)1 : (byte)0]);
        return answer is [1];
    }

    /// <summary><see cref="IMetadataStore.MoveAsync"/>.</summary>
    public BigFsEntry Move(MoveRequest request)
    {
        long now = clock.Now();
        return EntryCodec.Decode(operations.Once(
            request.Operation, SqliteOperations.Kind.Move, now, () => EntryCodec.Encode(MoveNow(request, now))));
    }

    private bool Remove(DeleteRequest request, long now)
    {
        BigFsPath path = request.Path;
        if (path.IsRoot)
        {
            throw MetadataErrors.RootStays("deleted");
        }

        if (reader.Resolve(path, withManifest: true).Entry is not { } row)
        {
            return false;
        }

        if (request.Version is { } wanted && (row.IsDirectory || row.FileVersion != wanted))
        {
            throw MetadataErrors.PreconditionFailed(path, wanted, row.IsDirectory ? null : row.FileVersion);
        }

        bool holdsEntries = row.Id is { } directory && reader.HasEntries(directory);
        if (holdsEntries && !request.Recursive)
        {
            throw MetadataErrors.DirectoryNotEmpty(path);
        }

        writer.Remove(row);
        CrashPoint.Reach("delete.after-removal");
        if (holdsEntries)
        {
            Span<byte> job = stackalloc byte[16];
            jobs.Add(request.Operation, MetadataJobKind.Delete, row.Id!.Value, path, now);
            writer.BuryDirectory(row.Id!.Value, now + readLease.Ticks, SqliteJobs.Key(request.Operation, job));
            purge();
        }
        else if (!row.IsDirectory)
        {
            writer.BuryFile(row, now + readLease.Ticks);
        }

        return true;
    }

    private BigFsEntry MoveNow(MoveRequest request, long now)
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

        SqliteEntryRow row = reader.Resolve(source, withManifest: false).Entry ?? throw MetadataErrors.NotFound(source);
        if (source == destination)
        {
            return row.ToEntry(source);
        }

        if (reader.Resolve(destination, withManifest: true).Entry is { } there)
        {
            if (!request.Overwrite || there.IsDirectory)
            {
                throw MetadataErrors.AlreadyExists(destination);
            }

            if (row.IsDirectory)
            {
                throw MetadataErrors.NotDirectory(destination, destination);
            }

            writer.Remove(there);
            writer.BuryFile(there, now + readLease.Ticks);
            CrashPoint.Reach("move.after-replacement");
        }

        writer.Move(row, writer.EnsureDirectory(destination.Parent, now), destination.Name);
        return row.ToEntry(destination);
    }
}
